"""Task-oriented token communication of many devices (arXiv 2505.07841): one modality each, one language model."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "backward": ["NoisyBackward", "PerfectBackward", "QuantisedBackward", "backward_link"],
        "devices": ["Head", "Transmitter"],
        "language": ["Language"],
        "layout": ["DeviceLayout"],
        "losses": ["contrastive", "pooled", "reconstruction"],
        "presets": ["DeviceConfig", "TokComConfig", "preset"],
        "slide": ["Slide"],
        "server": ["Server"],
        "source_link": ["SourceDevicesLink"],
        "split": ["Device", "SplitRound", "Traffic", "deployed"],
        "system": ["TokCom"],
    },
)
