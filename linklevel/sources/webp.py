"""WebP (lossy), through Pillow and libwebp."""

import struct
from typing import ClassVar

from PIL import Image

from .image import ImageCodec, open_as, save


class WebP(ImageCodec):
    """Lossy WebP (RFC 9649): VP8 key frames in a RIFF container of 20 bytes.

    Grey images are sent as colour, the only kind that VP8 has. Its decoder fills what it can't
    parse, so bit errors show as wrong blocks; a truncated file gives the fallback.

    Args:
        shape: (height, width, channels) of every image; 1 channel (grey) or 3 (RGB).

    Example:
        >>> import numpy as np
        >>> codec = WebP(shape=(32, 32, 3))
        >>> data = codec.encode(np.zeros((32, 32, 3), dtype=np.uint8), max_bytes=200)
        >>> codec.decode(data).item.shape
        (32, 32, 3)
    """

    name: ClassVar[str] = "webp"
    num_levels = 101
    stored_modes = ("RGB",)

    def compress(self, image: Image.Image, level: int) -> bytes:
        """Encode at libwebp's quality factor ``level``, 0 to 100."""
        return save(image.convert("RGB"), "WEBP", quality=level, method=4)

    def open(self, data: bytes) -> Image.Image:
        """Open a file; only the simple lossy layout, since libwebp allocates the canvas on opening."""
        if data[12:16] != b"VP8 ":
            raise ValueError("not a simple lossy WebP file")
        width, height = struct.unpack("<HH", data[26:30])
        if (width & 0x3FFF, height & 0x3FFF) != self.size:
            raise ValueError("the frame header's size is not the agreed one")
        return open_as(data, "WEBP")
