"""Air interfaces: complex symbols in, equalised symbols and their noise variance out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["AirInterface", "Received"],
        "flat": ["FlatAirInterface"],
        "ofdm": ["OFDMAirInterface"],
        "channel": ["Channel"],
        "tdl": ["TDLChannel"],
        "cdl": ["CDLChannel"],
        "scenario": ["UMiChannel", "UMaChannel", "RMaChannel"],
    },
)
