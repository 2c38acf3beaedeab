"""HEVC intra, through pillow-heif, libheif and x265: a stand-in for BPG."""

import io
from typing import Any, ClassVar

from PIL import Image

from .image import ImageCodec

SINGLE_THREAD = {"x265:pools": "none", "x265:frame-threads": "1", "x265:wpp": "0"}


class HEVC(ImageCodec):
    """HEVC still images (Main Still Picture), 4:2:0 (grey: 4:0:0), in a HEIF container.

    The same intra coding as BPG, but the container takes about 400 bytes where BPG's takes 10 to
    20. Encoded on one thread, so that bytes repeat. Nearly every damage to the container or the
    arithmetic-coded frame is fatal: then the fallback is shown.

    Args:
        shape: (height, width, channels) of every image; 1 channel (grey) or 3 (RGB).

    Raises:
        ValueError: if pillow-heif is not installed.
    """

    name: ClassVar[str] = "hevc"
    num_levels = 101

    def __init__(self, *, shape: tuple[int, int, int]) -> None:
        try:
            import pillow_heif
        except ImportError as error:
            raise ValueError(
                "source: 'hevc' needs the package pillow-heif, which is not installed"
                " (pip install 'tokencom[hevc]'); without it: 'jpeg', 'jpeg2000', 'webp', 'avif'"
            ) from error
        super().__init__(shape=shape)
        self._heif = pillow_heif

    def compress(self, image: Image.Image, level: int) -> bytes:
        """Encode at libheif's quality ``level``, 0 to 100."""
        buffer = io.BytesIO()
        self._heif.from_pillow(image).save(
            buffer, quality=level, chroma="420", enc_params=dict(SINGLE_THREAD)
        )
        return buffer.getvalue()

    def open(self, data: bytes) -> Any:
        """Open a file; libheif parses the container only, and limits what it may allocate."""
        return self._heif.open_heif(data, convert_hdr_to_8bit=False)

    def pixels(self, opened: Any) -> Image.Image:
        """Decode the primary image."""
        return opened.to_pillow()
