"""JPEG 2000, through Pillow and OpenJPEG."""

import math
import struct
from typing import ClassVar

from PIL import Image

from .image import ImageCodec, open_as, save

LOWEST_TARGET = 100.0
"""Bytes that OpenJPEG aims at on the lowest level of the ladder."""
STEP = 1.01
"""Ratio of the targets of neighbouring levels."""
START_OF_TILE = 0xFF90
COMMENT = 0xFF64


class JPEG2000(ImageCodec):
    """JPEG 2000 codestreams (ITU-T T.800), irreversible 9/7 wavelet, one tile and one quality layer.

    OpenJPEG's rate control aims at a size in bytes; the ladder is those targets in steps of 1 %. No
    JP2 boxes and no comment are sent: about 140 bytes remain besides the coded data. A truncated
    codestream gives the fallback; bit errors mostly decode, with artefacts.

    Args:
        shape: (height, width, channels) of every image; 1 channel (grey) or 3 (RGB).
    """

    name: ClassVar[str] = "jpeg2000"

    @property
    def num_levels(self) -> int:
        """Targets from 100 bytes to the size of the raw image."""
        raw = math.prod(self.shape)
        return 1 + max(0, math.ceil(math.log(raw / LOWEST_TARGET, STEP)))

    def compress(self, image: Image.Image, level: int) -> bytes:
        """Encode with the size that ``level`` aims at."""
        ratio = math.prod(self.shape) / (LOWEST_TARGET * STEP**level)
        codestream = save(
            image,
            "JPEG2000",
            no_jp2=True,
            irreversible=True,
            quality_mode="rates",
            quality_layers=[max(ratio, 1.0)],
            num_resolutions=min(6, int(math.log2(min(self.size))) + 1),
            mct=int(self.mode == "RGB"),
        )
        return _without_comments(codestream)

    def open(self, data: bytes) -> Image.Image:
        """Open a codestream; Pillow parses its main header only."""
        return open_as(data, "JPEG2000")


def _without_comments(codestream: bytes) -> bytes:
    """Drop the comment segments of the main header, where OpenJPEG names itself."""
    kept, position = [codestream[:2]], 2
    while True:
        marker, length = struct.unpack_from(">HH", codestream, position)
        if marker == START_OF_TILE:
            return b"".join(kept) + codestream[position:]
        segment = codestream[position : position + 2 + length]
        if marker != COMMENT:
            kept.append(segment)
        position += len(segment)
