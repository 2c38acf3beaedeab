"""CIFAR-10: 32-by-32 photographs of ten classes."""

from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from ...linklevel.validation import check_choice
from .base import OnError
from .files import existing
from .indexed import Entry, Indexed
from .media import IMAGES
from .stores import Store, UnreadableError, open_store

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BINARY = "cifar-10-batches-bin"
BATCHES = {"train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test": ("test_batch.bin",)}
RECORD = 1 + 3 * 32 * 32
"""Bytes of a record: the label, then the red, green and blue planes."""
LAYOUT = (
    f"the binary version ({BINARY}/data_batch_1.bin ... test_batch.bin), or images in "
    "{train,test}/<class>/, in a folder or in train.tar.xz and test.tar.xz"
)


class _Record(NamedTuple):
    number: int
    file: str
    label: int
    offset: int


class CIFAR10(Indexed):
    """CIFAR-10 (Krizhevsky, 2009), https://www.cs.toronto.edu/~kriz/cifar.html.

    Layout: the official binary version, ``cifar-10-batches-bin/data_batch_1.bin`` ... ``test_batch.bin``
    (records of a label byte and 3,072 bytes of red, green and blue), or image files in
    ``{train,test}/<class>/``, in folders or in ``{train,test}.tar``, ``.tar.gz`` or ``.tar.xz``.
    The Python version is pickled, and loading a pickle runs what is in it: it is refused.
    Licence: none stated; for research, with citation.

    A sample's input is ``image``, its reference the class name, ``extra["label"]`` its number.

    Args:
        path: folder with one of these layouts.
        split: "train" or "test".
        on_error: "refuse" or "skip" broken files.
        check_media: read every image when the data set is built.
    """

    name = "cifar10"

    def __init__(
        self, *, path: str, split: str = "test", on_error: OnError = "refuse", check_media: bool = False
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.split = check_choice("split", split, BATCHES)
        root = existing(self.name, path, LAYOUT)
        binary = next((folder for folder in (root / BINARY, root) if (folder / BATCHES[split][0]).is_file()), None)
        if binary is not None:
            self.store = Store(binary)
            self.records = self._batches(binary)
        else:
            self.store = self._images(root)
            self.records = self._files(self.store)
        self.finish(root)

    def _batches(self, folder: Path) -> list[_Record]:
        records: list[_Record] = []
        for name in BATCHES[self.split]:
            if not self.there(name):
                continue
            content = np.fromfile(folder / name, np.uint8)
            count, rest = divmod(len(content), RECORD)
            if rest:
                self.broken(str(folder / name), f"truncated: {len(content)} bytes are not whole records of {RECORD}")
            for number, label in enumerate(content[: count * RECORD : RECORD]):
                if label >= len(CLASSES):
                    self.broken(f"{folder / name}, record {number}", f"label {label} is not 0 ... 9")
                else:
                    records.append(_Record(len(records), name, int(label), number * RECORD))
        return records

    def _images(self, root: Path) -> Store:
        """Return where the images of the split are."""
        archives = sorted(root.glob(f"{self.split}.tar*")) if root.is_dir() else [root]
        if root.is_dir() and (root / self.split).is_dir():
            return open_store(root)
        if archives:
            store = open_store(archives[0])
            if store.damage:
                self.broken(str(archives[0]), store.damage)
            return store
        if (root / "cifar-10-batches-py").is_dir() or (root / BATCHES[self.split][0][:-4]).is_file():
            raise ValueError(
                f"{self.name}: {str(root)!r} has the Python version, whose pickles can run any code when loaded; "
                "take the binary version, cifar-10-binary.tar.gz, and unpack it"
            )
        raise ValueError(f"{self.name}: nothing in {str(root)!r} for split {self.split!r}; expected {LAYOUT}")

    def _files(self, store: Store) -> list[_Record]:
        records: list[_Record] = []
        for file in store.names(IMAGES):
            parts = PurePosixPath(file).parts
            if self.split not in parts[:-2]:
                continue
            if parts[-2] not in CLASSES:
                self.broken(store.where(file), f"folder {parts[-2]!r} is no class of CIFAR-10")
                continue
            records.append(_Record(len(records), file, CLASSES.index(parts[-2]), -1))
        return records

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry."""
        in_batch = record.offset >= 0
        place = f"{record.file}@{record.offset}"
        return Entry(
            id=f"{record.file[:-4]}-{record.offset // RECORD}" if in_batch else record.file.rpartition(".")[0],
            cluster=record.number,
            references=(CLASSES[record.label],),
            extra={"label": record.label},
            media={"image": place if in_batch else record.file},
        )

    def medium(self, kind: str, name: str, extra: dict[str, Any]) -> Any:
        """Read an image, [32, 32, 3], numpy.uint8."""
        file, _, offset = name.rpartition("@")
        if not file:
            image = super().medium(kind, name, extra)
            if image.shape != (32, 32, 3):
                assert self.store is not None
                raise UnreadableError(
                    self.store.where(name), f"{image.shape[1]} by {image.shape[0]} pixels, not 32 by 32"
                )
            return image
        assert self.store is not None
        with (self.store.root / file).open("rb") as batch:
            batch.seek(int(offset) + 1)
            planes = np.frombuffer(batch.read(RECORD - 1), np.uint8)
        return np.ascontiguousarray(planes.reshape(3, 32, 32).transpose(1, 2, 0))
