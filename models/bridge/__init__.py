"""The token bridge: tokens at a named module of a PyTorch model cross a link and come back."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bridge": ["TokenBridge"],
        "cut": ["Cut"],
        "draws": ["BridgeDraws"],
        "leaks": ["check_sealed"],
        "memo": ["Encoded", "encode_up_to"],
        "session": ["Session", "bridged"],
    },
)
