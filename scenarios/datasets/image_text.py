"""Images with captions from the web, as img2dataset stores them."""

import json
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from .base import OnError
from .files import existing, find
from .indexed import Entry, Indexed
from .media import IMAGES
from .stores import Store, UnreadableError, open_store

LAYOUT = "img2dataset shards: folders 00000/ or archives 00000.tar with <key>.jpg, <key>.txt and <key>.json"


class _Record(NamedTuple):
    shard: int
    key: str
    image: str
    number: int


class ImageText(Indexed):
    """Image-caption pairs of LAION and the like.

    Format: https://github.com/rom1504/img2dataset (output formats "files" and "webdataset").

    Layout: ``<key>.jpg`` (or .png, .webp) with ``<key>.txt`` (the caption) and ``<key>.json`` (``caption``,
    ``url``, ``status``, ...), in a folder, in shard folders ``00000/``, or in WebDataset shards
    ``00000.tar``. Captions are read with the images, when asked for.
    Licence: LAION's metadata CC BY 4.0; images belong to their sites.

    A sample's input is ``image``, its reference the caption (of the .txt file, or of the .json file if
    there is none); ``extra`` has what the .json file says.

    Args:
        path: folder or archive with that layout.
        split: name of the part that this is.
        on_error: "refuse" or "skip" images without caption, captions without image, and broken ones.
        check_media: read every image and caption when the data set is built.
    """

    name = "image_text"

    def __init__(
        self, *, path: str, split: str = "train", on_error: OnError = "refuse", check_media: bool = False
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.split = split
        root = existing(self.name, path, LAYOUT)
        shards = [root] if root.is_file() else sorted(root.glob("*.tar"))
        self.shards: list[Store] = [open_store(shard) for shard in shards or [find(self.name, root, ["."], LAYOUT)]]
        self.records: list[_Record] = []
        for shard, store in enumerate(self.shards):
            if store.damage:
                self.broken(str(store.root), store.damage)
            self._index(shard, store)
        self.finish(root)

    def _index(self, shard: int, store: Store) -> None:
        files = store.names()
        texts = {name for name in files if name.endswith((".txt", ".json")) and _is_key(name)}
        keys = {name.rpartition(".")[0] for name in texts}
        for image in (name for name in files if name.lower().endswith(IMAGES)):
            key = image.rpartition(".")[0]
            if key in keys:
                keys.discard(key)
                self.records.append(_Record(shard, key, image, len(self.records)))
            else:
                self.broken(store.where(image), "no caption (.txt or .json) with its name")
        for key in sorted(keys):
            self.broken(store.where(key), "a caption, but no image")

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry, with its caption.

        Raises:
            UnreadableError: if the caption is empty or cannot be read.
        """
        store = self.shards[record.shard]
        facts: dict[str, Any] = {}
        if store.has(f"{record.key}.json"):
            try:
                facts = dict(json.loads(store.read(f"{record.key}.json")))
            except (ValueError, TypeError) as error:
                raise UnreadableError(store.where(f"{record.key}.json"), f"no JSON record ({error})") from error
        caption = facts.get("caption") or ""
        if store.has(f"{record.key}.txt"):
            caption = store.read(f"{record.key}.txt").decode("utf-8", errors="replace")
        if not caption.strip():
            raise UnreadableError(store.where(record.key), "empty caption")
        shard = store.root.stem if len(self.shards) > 1 else ""
        return Entry(
            id=f"{shard}/{record.key}" if shard else record.key,
            cluster=record.number,
            references=(caption.strip(),),
            extra=facts,
            media={"image": f"{record.shard}:{record.image}"},
        )

    def medium(self, kind: str, name: str, extra: dict[str, Any]) -> Any:
        """Read an image from its shard."""
        shard, _, file = name.partition(":")
        self.store = self.shards[int(shard)]
        return super().medium(kind, file, extra)


def _is_key(name: str) -> bool:
    """Tell whether a text file belongs to an image; img2dataset's own records of a shard do not."""
    return not PurePosixPath(name).name.endswith("_stats.json")
