"""Any folder of images, with or without classes."""

from pathlib import PurePosixPath
from typing import Any, Literal

from ...linklevel.validation import check_choice
from .base import OnError
from .files import existing, find
from .indexed import Entry, Indexed
from .media import IMAGES
from .stores import open_store

LAYOUT = "images in a folder, in subfolders, or in a tar archive"


class ImageFolder(Indexed):
    """Images in a folder or a tar archive, in the layout of torchvision's ``ImageFolder`` if they have classes.

    Layout: ``<class>/<image>`` or ``<split>/<class>/<image>``
    (https://pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html), or any images
    at any depth. Files that are no images by their suffix are counted in :attr:`other_files`.
    Licence: that of the images.

    A sample's input is ``image``; with classes its reference is the folder's name, and
    ``extra["label"]`` its number in sorted order.

    Args:
        path: folder or archive.
        split: subfolder to read; none if empty.
        classes: "folder" takes the name of an image's folder as its class, "none" gives no reference.
        on_error: "refuse" or "skip" broken images.
        check_media: read every image when the data set is built.
    """

    name = "image_folder"

    def __init__(
        self,
        *,
        path: str,
        split: str = "",
        classes: Literal["folder", "none"] = "none",
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.split = split
        check_choice("classes", classes, ("folder", "none"))
        root = existing(self.name, path, LAYOUT)
        if split and root.is_dir():
            root = find(self.name, root, [split], LAYOUT)
        self.store = open_store(root)
        if self.store.damage:
            self.broken(str(root), self.store.damage)
        every = self.store.names()
        if split and root.is_file():
            every = [file for file in every if split in PurePosixPath(file).parts[:-1]]
        files = [file for file in every if file.lower().endswith(IMAGES)]
        self.other_files = len(every) - len(files)
        """How many files have no image suffix."""
        if classes == "folder":
            files = [file for file in files if self._in_class(file)]
            self.classes = tuple(sorted({PurePosixPath(file).parent.name for file in files}))
        else:
            self.classes = ()
        self.records = list(enumerate(files))
        self.finish(root)

    def _in_class(self, file: str) -> bool:
        assert self.store is not None
        if PurePosixPath(file).parent.name:
            return True
        self.broken(self.store.where(file), "lies in no class folder")
        return False

    def entry(self, record: tuple[int, str]) -> Entry:
        """Return a record's entry."""
        number, file = record
        label: dict[str, Any] = {}
        references: tuple[str, ...] = ()
        if self.classes:
            references = (PurePosixPath(file).parent.name,)
            label = {"label": self.classes.index(references[0])}
        return Entry(id=file, cluster=number, references=references, extra=label, media={"image": file})
