"""JPEG (baseline), in full or in an abbreviated format, through Pillow and libjpeg-turbo."""

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import ClassVar

from PIL import Image, ImageFile

from .base import Decoded
from .image import MID_GREY, ImageCodec, open_as, save

END_OF_IMAGE = b"\xff\xd9"
FRAME = struct.Struct(">BHH")
"""What the abbreviated format sends before the scan: quality index, height, width."""

_TOLERANCE = threading.Lock()


class JPEG(ImageCodec):
    """Baseline JPEG (ITU-T T.81), 4:2:0 for colour.

    The full format has optimised Huffman tables and is never smaller than about 170 bytes (grey)
    or 290 bytes (colour). The abbreviated format goes one step beyond T.81 B.5: the quantisation
    tables of each quality index, the standard Huffman tables (T.81 annex K.3) and the order of the
    components are agreed beforehand, so only quality index (1 byte), height and width (2 bytes
    each) and the entropy-coded scan are sent; the receiver rebuilds the rest.

    Damaged files are decoded as far as libjpeg follows them: after an error in the scan the picture
    goes on wrongly or ends in flat colour.

    Args:
        shape: (height, width, channels) of every image; 1 channel (grey) or 3 (RGB).
        abbreviated: send no tables and no headers.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((32, 32, 3), dtype=np.uint8)
        >>> len(JPEG(shape=(32, 32, 3), abbreviated=True).encode(image)) < 100
        True
    """

    name: ClassVar[str] = "jpeg"
    num_levels = 100

    def __init__(self, *, shape: tuple[int, int, int], abbreviated: bool = False) -> None:
        super().__init__(shape=shape)
        self.abbreviated = bool(abbreviated)

    def compress(self, image: Image.Image, level: int) -> bytes:
        """Encode at libjpeg's quality ``level + 1``, 1 to 100."""
        quality = level + 1
        if not self.abbreviated:
            return _write(image, quality, optimize=True)
        data = _write(image, quality, optimize=False)
        head = _head(quality, self.size, self.mode)
        return FRAME.pack(quality, *self.shape[:2]) + data[len(head) : -len(END_OF_IMAGE)]

    def expand(self, data: bytes) -> bytes:
        """Rebuild the full file from the abbreviated format.

        Raises:
            ValueError: if the quality index or the dimensions can't be what was sent.
        """
        quality, height, width = FRAME.unpack_from(data)
        if not 1 <= quality <= self.num_levels or (height, width) != self.shape[:2]:
            raise ValueError(f"quality {quality}, height {height}, width {width}: not what was agreed")
        return _head(quality, self.size, self.mode) + data[FRAME.size :] + END_OF_IMAGE

    def open(self, data: bytes) -> Image.Image:
        """Open a file of the chosen format."""
        return open_as(self.expand(data) if self.abbreviated else data, "JPEG")

    def reconstruct(self, data: bytes) -> Decoded:
        """Decode; where libjpeg gives up, decode again and keep what it had by then."""
        try:
            return super().reconstruct(data)
        except OSError:
            image = self.open(data + END_OF_IMAGE)
            with _tolerant():
                return Decoded(self._to_array(self.load(image)), damaged=True)


def _write(image: Image.Image, quality: int, optimize: bool) -> bytes:
    subsampling = "4:2:0" if image.mode == "RGB" else "4:4:4"
    return save(image, "JPEG", quality=quality, optimize=optimize, subsampling=subsampling)


@lru_cache(maxsize=256)
def _head(quality: int, size: tuple[int, int], mode: str) -> bytes:
    """Return all that precedes the scan in a file with the standard tables."""
    grey = Image.new(mode, size, (MID_GREY,) * len(mode))
    data = _write(grey, quality, optimize=False)
    scan = data.index(b"\xff\xda")
    (length,) = struct.unpack_from(">H", data, scan + 2)
    return data[: scan + 2 + length]


@contextmanager
def _tolerant() -> Iterator[None]:
    """Let Pillow keep partly decoded pixels; its switch is global, so it is held as briefly as possible."""
    with _TOLERANCE:
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before
