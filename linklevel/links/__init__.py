"""Links: one interface for every transmission scheme."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Link", "Reception", "Signal"],
        "digital": ["DigitalLink"],
        "source": ["SourceLink"],
    },
)
