"""Tasks: what is sent, and how what arrives is judged."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Task"],
        "bits": ["BitsTask"],
        "image": ["ImageTask"],
        "text": ["TextTask"],
    },
)
