"""The frames of a clip by an image codec."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from ..validation import check_range
from .base import Decoded, SourceCodec
from .image import ImageCodec


class Frames(SourceCodec):
    """Codes the frames of a clip as one picture, below each other.

    So all frames have one quality, the best that fits, and share the budget by what each needs.

    Args:
        codec: of the picture; its agreed shape is (num_frames * height, width, channels).
        num_frames: frames of every clip.

    Raises:
        TypeError: if ``codec`` is no image codec.
        ValueError: if its agreed height is no multiple of ``num_frames``.

    Example:
        >>> from tokencom.linklevel.sources import JPEG
        >>> codec = Frames(JPEG(shape=(8 * 32, 32, 3), abbreviated=True), 8)
        >>> codec.decode(codec.encode(np.zeros((8, 32, 32, 3), np.uint8), max_bytes=300)).item.shape
        (8, 32, 32, 3)
    """

    name: ClassVar[str] = "frames"

    def __init__(self, codec: ImageCodec, num_frames: int) -> None:
        if not isinstance(codec, ImageCodec):
            raise TypeError(f"codec: {type(codec).__name__} given; an ImageCodec is needed")
        self.codec = codec
        self.num_frames = check_range("num_frames", num_frames, 1, codec.shape[0], integer=True)
        height, width, channels = codec.shape
        if height % num_frames:
            raise ValueError(
                f"codec: its agreed height is {height}; a multiple of num_frames = {num_frames} is needed, such as"
                f" {height // num_frames * num_frames}"
            )
        self.shape = (num_frames, height // num_frames, width, channels)

    def encode(self, item: np.ndarray, max_bytes: int | None = None) -> bytes:
        """Encode a clip, [num_frames, height, width, channels], numpy.uint8; see :class:`SourceCodec`."""
        return self.codec.encode(self._picture(item), max_bytes)

    def key(self, item: np.ndarray) -> Any:
        """Return a digest of the pixels."""
        return self.codec.key(item)

    def smallest(self, item: np.ndarray) -> int:
        """Return the size in bytes of the clip at the lowest quality."""
        return self.codec.smallest(self._picture(item))

    def reconstruct(self, data: bytes) -> Decoded:
        """Decode a file; see :class:`SourceCodec`."""
        picture = self.codec.reconstruct(data)
        return dataclasses.replace(picture, item=picture.item.reshape(self.shape))

    def fallback(self) -> np.ndarray:
        """Return a clip of mid-grey frames, numpy.uint8."""
        return self.codec.fallback().reshape(self.shape)

    def _picture(self, item: Any) -> np.ndarray:
        """Return the frames below each other.

        Raises:
            TypeError: for what is no array.
            ValueError: for a clip of another shape.
        """
        if not isinstance(item, np.ndarray):
            raise TypeError(f"item: {type(item).__name__} given, a numpy.ndarray of uint8 expected")
        if item.shape != self.shape:
            raise ValueError(f"item: a clip of shape {item.shape} given; the codec's agreed shape is {self.shape}")
        return np.ascontiguousarray(item).reshape(self.codec.shape)
