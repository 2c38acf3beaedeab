"""A language model cut in two: the first layers transmit, the others receive."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "causal_lm": ["SplitCausalLM", "Generated"],
        "parts": ["LowerPart", "UpperPart"],
        "reception": ["Reception", "attention"],
    },
)
