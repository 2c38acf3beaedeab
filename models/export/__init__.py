"""Tokens at a cut, kept in HDF5: encoded once, read many times."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "capture": ["tokens_at"],
        "reader": ["TokenFile"],
        "writer": ["export_tokens"],
    },
)
