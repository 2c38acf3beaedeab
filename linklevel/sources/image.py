"""What all image codecs share: the agreed shape, the search for a quality, the grey fallback."""

import hashlib
import io
from abc import abstractmethod
from typing import Any

import numpy as np
from PIL import Image

from ..validation import check_range
from .base import Decoded, SourceCodec, too_small

MID_GREY = 128
MAX_SIDE = 16383


class ImageCodec(SourceCodec):
    """An image codec between two sides that agreed on the shape of the images.

    A subclass has a ladder of quality levels, compresses at one of them, and opens a file.
    The agreed shape is what lets the receiver show a picture when nothing arrives, and refuse a
    damaged header that asks for gigabytes.

    Args:
        shape: (height, width, channels) of every image; 1 channel (grey) or 3 (RGB).
    """

    def __init__(self, *, shape: tuple[int, int, int]) -> None:
        if len(shape) != 3:
            raise ValueError(f"shape: {tuple(shape)} given, (height, width, channels) expected")
        height = check_range("shape[0] (height)", shape[0], 8, MAX_SIDE, integer=True)
        width = check_range("shape[1] (width)", shape[1], 8, MAX_SIDE, integer=True)
        if shape[2] not in (1, 3):
            raise ValueError(f"shape[2] (channels): {shape[2]!r} given; allowed: 1 (grey), 3 (RGB)")
        self.shape = (height, width, int(shape[2]))

    @property
    def mode(self) -> str:
        """Pillow's mode of the agreed images, "L" or "RGB"."""
        return "L" if self.shape[2] == 1 else "RGB"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), as Pillow has it."""
        return self.shape[1], self.shape[0]

    @property
    @abstractmethod
    def num_levels(self) -> int:
        """Quality levels of the ladder; files grow from level 0 to the last, but for ripples."""

    @abstractmethod
    def compress(self, image: Image.Image, level: int) -> bytes:
        """Encode at one quality level."""

    @abstractmethod
    def open(self, data: bytes) -> Any:
        """Open a file without decoding its pixels, to an object with ``size`` and ``mode``; may raise."""

    def fit(self, item: np.ndarray, max_bytes: int | None = None) -> tuple[int, bytes]:
        """Return the quality level that a bisection finds for a budget, and the file.

        The bisection runs over the same ladder for every budget, so the file always fits and a
        larger budget never gives a lower level. It takes about log2(num_levels) encodings; where a
        ripple in the file size hides a slightly higher level, it is not looked for.

        Args:
            item: [height, width, channels], numpy.uint8, of the agreed shape.
            max_bytes: budget in bytes; the highest level if `None`.

        Raises:
            ValueError: see :meth:`encode`.
        """
        image = self._to_pillow(item)
        if max_bytes is None:
            return self.num_levels - 1, self.compress(image, self.num_levels - 1)
        low, best = 0, self.compress(image, 0)
        if len(best) > max_bytes:
            raise too_small(self.name, max_bytes, len(best))
        high = self.num_levels
        while high - low > 1:
            middle = (low + high) // 2
            data = self.compress(image, middle)
            if len(data) <= max_bytes:
                low, best = middle, data
            else:
                high = middle
        return low, best

    def encode(self, item: np.ndarray, max_bytes: int | None = None) -> bytes:
        """Encode an image, [height, width, channels], numpy.uint8; see :class:`SourceCodec`."""
        return self.fit(item, max_bytes)[1]

    def key(self, item: np.ndarray) -> bytes:
        """Return a digest of the pixels."""
        return hashlib.blake2b(np.ascontiguousarray(item).tobytes(), digest_size=16).digest()

    def smallest(self, item: np.ndarray) -> int:
        """Return the size in bytes of the image at the lowest quality level."""
        return len(self.compress(self._to_pillow(item), 0))

    def fallback(self) -> np.ndarray:
        """Return a mid-grey image of the agreed shape, numpy.uint8."""
        return np.full(self.shape, MID_GREY, dtype=np.uint8)

    def reconstruct(self, data: bytes) -> Decoded:
        """Decode a file; see :class:`SourceCodec`."""
        return Decoded(self._to_array(self.load(self.open(data))), damaged=False)

    def load(self, opened: Any) -> Image.Image:
        """Decode the pixels of an opened file if it has the agreed size and mode.

        The check comes first: a damaged header may ask for gigabytes.

        Raises:
            ValueError: if size or mode differ.
        """
        if opened.size != self.size or opened.mode not in self.stored_modes:
            raise ValueError(
                f"the file has size {opened.size} and mode {opened.mode}; "
                f"{self.size} and {' or '.join(self.stored_modes)} were agreed"
            )
        return self.pixels(opened)

    def pixels(self, opened: Any) -> Image.Image:
        """Decode the pixels of an opened file; may raise anything."""
        opened.load()
        return opened

    @property
    def stored_modes(self) -> tuple[str, ...]:
        """Pillow's modes in which an intact file may open."""
        return (self.mode,)

    def _to_pillow(self, item: Any) -> Image.Image:
        if not isinstance(item, np.ndarray) or item.dtype != np.uint8:
            given = f"{type(item).__name__} of {getattr(item, 'dtype', 'no dtype')}"
            raise TypeError(f"item: {given} given, a numpy.ndarray of uint8 expected")
        if item.shape != self.shape:
            raise ValueError(
                f"item: an image of shape {item.shape} given; the codec's agreed shape is {self.shape}"
            )
        return Image.fromarray(item[:, :, 0] if self.mode == "L" else item)

    def _to_array(self, image: Image.Image) -> np.ndarray:
        array = np.asarray(image.convert(self.mode), dtype=np.uint8)
        return array.reshape(self.shape)


def save(image: Image.Image, format: str, **options: Any) -> bytes:
    """Return the file that Pillow writes."""
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def open_as(data: bytes, format: str) -> Image.Image:
    """Open bytes as one format only, without decoding pixels."""
    return Image.open(io.BytesIO(data), formats=[format])
