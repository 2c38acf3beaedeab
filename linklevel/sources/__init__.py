"""Classical source codecs: images, text and audio to bytes and back."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "amr_wb": ["AMRWB"],
        "audio": ["AudioCodec"],
        "avif": ["AVIF"],
        "base": ["Decoded", "DecodedItems", "SourceCodec"],
        "frames": ["Frames"],
        "hevc": ["HEVC"],
        "huffman": ["HuffmanText"],
        "image": ["ImageCodec"],
        "jpeg": ["JPEG"],
        "jpeg2000": ["JPEG2000"],
        "opus": ["Opus"],
        "utf8": ["UTF8"],
        "webp": ["WebP"],
    },
)
