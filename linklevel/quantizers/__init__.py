"""Quantisers: tokens to bits and back."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Quantizer"],
        "uniform": ["UniformQuantizer"],
        "fsq": ["FSQQuantizer"],
        "vector": ["VectorQuantizer"],
    },
)
