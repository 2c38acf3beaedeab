"""AVIF (AV1 intra), through Pillow and libavif."""

from typing import ClassVar

from PIL import Image

from .image import ImageCodec, open_as, save


class AVIF(ImageCodec):
    """AVIF still images: AV1 key frames, 4:2:0 (grey: 4:0:0), in a HEIF container of about 270 bytes.

    Encoded on one thread, so that bytes repeat. Nearly every damage to the container or the
    arithmetic-coded frame is fatal: then the fallback is shown.

    Args:
        shape: (height, width, channels) of every image; 1 channel (grey) or 3 (RGB).
    """

    name: ClassVar[str] = "avif"
    num_levels = 101

    @property
    def stored_modes(self) -> tuple[str, ...]:
        """Grey files open as "L", with Pillow before 13 as "RGB"."""
        return ("L", "RGB") if self.mode == "L" else ("RGB",)

    def compress(self, image: Image.Image, level: int) -> bytes:
        """Encode at libavif's quality ``level``, 0 to 100."""
        return save(image, "AVIF", quality=level, speed=6, max_threads=1, autotiling=False)

    def open(self, data: bytes) -> Image.Image:
        """Open a file; libavif parses the container only."""
        return open_as(data, "AVIF")
