"""Kodak: 24 photographs on which image codecs are compared."""

from typing import Any

from .base import OnError
from .files import existing, find
from .indexed import Entry, Indexed
from .stores import Store, UnreadableError

NUM_IMAGES = 24
LAYOUT = "kodim01.png ... kodim24.png"
SHAPES = ((512, 768, 3), (768, 512, 3))


class Kodak(Indexed):
    """Kodak Lossless True Color Image Suite, https://r0k.us/graphics/kodak/.

    Layout: ``kodim01.png`` ... ``kodim24.png``, 768 by 512 pixels or upright; all 24 have to be there.
    Licence: released by Kodak for unrestricted use.

    A sample's input is ``image``; it has no reference.

    Args:
        path: folder with the images.
        on_error: "refuse" or "skip" missing and broken images.
        check_media: read every image when the data set is built.
    """

    name = "kodak"
    split = "test"

    def __init__(self, *, path: str, on_error: OnError = "refuse", check_media: bool = False) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        root = existing(self.name, path, LAYOUT)
        self.store = Store(find(self.name, root, ["."], LAYOUT))
        files = [(number, f"kodim{number:02d}.png") for number in range(1, NUM_IMAGES + 1)]
        self.records = [record for record in files if self.there(record[1], f"missing; Kodak has {NUM_IMAGES} images")]
        self.finish(root)

    def entry(self, record: tuple[int, str]) -> Entry:
        """Return a record's entry."""
        number, file = record
        return Entry(id=file[:-4], cluster=number, media={"image": file})

    def medium(self, kind: str, name: str, extra: dict[str, Any]) -> Any:
        """Read an image and check its size."""
        image = super().medium(kind, name, extra)
        if image.shape not in SHAPES:
            assert self.store is not None
            raise UnreadableError(
                self.store.where(name), f"{image.shape[1]} by {image.shape[0]} pixels, not 768 by 512"
            )
        return image
