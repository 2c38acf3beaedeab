"""A causal language model of discrete and continuous tokens."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "generation": ["next_texts", "next_tokens"],
        "model": ["MultimodalLanguage", "Reading"],
        "packing": ["Packed", "joined"],
    },
)
