"""Learned joint source-channel codecs: tokens or images to symbols and back."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Codec", "Coded", "Heard", "ImageCodec", "TokenCodec"],
        "dense": ["DenseCodec"],
        "adaptive": ["AdaptiveCodec"],
        "modnet": ["ChannelModNets", "ModNetCodec"],
        "deepjscc": ["DeepJSCC"],
        "swinjscc": ["SwinJSCC"],
    },
)
