"""IMDB: is a film review positive or negative?"""

import re
from typing import Any

from ...linklevel.validation import check_choice
from .base import OnError
from .files import existing, find, read_text
from .indexed import Entry, Indexed
from .stores import Store, UnreadableError

LAYOUT = "aclImdb/{train,test}/{pos,neg}/<number>_<rating>.txt (and train/unsup/)"
CLASSES = {"pos": "positive", "neg": "negative"}
_FILE = re.compile(r"(\d+)_(\d+)\.txt")


class IMDB(Indexed):
    """Large Movie Review Dataset (Maas et al., ACL 2011), https://ai.stanford.edu/~amaas/data/sentiment/.

    Layout: ``aclImdb/{train,test}/{pos,neg}/<number>_<rating>.txt``; ``train/unsup`` has no labels.
    Licence: no explicit one; for research, with citation.

    A sample's input is ``text`` as in the file (with its ``<br />``), its reference "positive" or
    "negative", ``extra["rating"]`` the stars, 1-4 or 7-10. Reviews are read when asked for.

    Args:
        path: ``aclImdb``, or the folder that holds it.
        split: "train", "test" or "unsup".
        on_error: "refuse" or "skip" broken files.
        check_media: read every review when the data set is built, so that empty ones are found.
    """

    name = "imdb"

    def __init__(
        self, *, path: str, split: str = "test", on_error: OnError = "refuse", check_media: bool = False
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.split = check_choice("split", split, ("train", "test", "unsup"))
        root = existing(self.name, path, LAYOUT)
        root = find(
            self.name, root, ["train", "aclImdb/train"] if split == "unsup" else [split, f"aclImdb/{split}"], LAYOUT
        )
        records: list[tuple[str, str, int]] = []
        for folder in ("unsup",) if split == "unsup" else tuple(CLASSES):
            for file in sorted(find(self.name, root, [folder], LAYOUT).iterdir()):
                match = _FILE.fullmatch(file.name)
                if match is None:
                    self.broken(str(file), "not named <number>_<rating>.txt")
                else:
                    records.append((folder, match[1], int(match[2])))
        self.store = Store(root)
        self.records = [(*record, number) for number, record in enumerate(records)]
        self.finish(root)

    def entry(self, record: tuple[str, str, int, int]) -> Entry:
        """Return a record's entry, without the review."""
        folder, number, rating, cluster = record
        return Entry(
            id=f"{self.split}-{folder}-{number}",
            cluster=cluster,
            references=(CLASSES[folder],) if folder in CLASSES else (),
            extra={"rating": rating} if folder in CLASSES else {},
            media={"text": f"{folder}/{number}_{rating}.txt"},
        )

    def medium(self, kind: str, name: str, extra: dict[str, Any]) -> Any:
        """Read a review."""
        assert self.store is not None
        text = read_text(self.store.root / name)
        if not text.strip():
            raise UnreadableError(self.store.where(name), "empty review")
        return text
