"""UniToCom (arXiv 2507.01728): information-bottleneck tokens, and one causal model that understands and generates."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "presets": ["UniToComConfig", "preset"],
        "system": ["UniToCom"],
    },
)
