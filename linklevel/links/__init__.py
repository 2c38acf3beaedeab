"""Links: one interface for every transmission scheme."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "analog": ["AnalogLink"],
        "base": ["Link", "Reception", "Signal"],
        "digital": ["DigitalLink"],
        "jscc": ["JSCCLink"],
        "protection": ["Protection"],
        "quantized": ["QuantizedLink"],
        "source": ["SourceLink"],
        "token_base": ["TokenLink"],
    },
)
