"""Conversations about images, as visual instruction tuning uses them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...linklevel.validation import check_choice
from .base import OnError
from .files import existing, read_json, read_text
from .indexed import Entry, Indexed, Numbers
from .stores import Store, UnreadableError

LAYOUT = "a .json list or .jsonl file of conversations, and a folder of images"
FORMATS = ("auto", "llava", "cauldron")
MARKER = "<image>"
USERS, ASSISTANTS = ("human", "user"), ("gpt", "assistant")

Turns = tuple[tuple[str, str], ...]
"""What the user and the assistant say, in pairs."""


class _Record(NamedTuple):
    id: str
    images: tuple[str, ...]
    turns: Turns
    source: str


class Conversations(Indexed):
    """Image-text conversations for training: LLaVA, ALLaVA and The Cauldron.

    Formats: LLaVA (Liu et al., 2023; https://github.com/haotian-liu/LLaVA/blob/main/docs/Data.md and
    Finetune_Custom_Data.md) and ALLaVA (Chen et al., 2024; https://huggingface.co/datasets/FreedomIntelligence/ALLaVA-4V):
    a list of ``{"id", "image", "conversations": [{"from": "human", "value"}, {"from": "gpt", "value"}]}``;
    The Cauldron (Laurençon et al., 2024; https://huggingface.co/datasets/HuggingFaceM4/the_cauldron): records
    ``{"images": [...], "texts": [{"user", "assistant", "source"}]}`` with file names as images (its parquet
    files hold the images themselves: read those through `HubDataset`).
    Licence: LLaVA-Instruct CC BY 4.0 and OpenAI's terms; ALLaVA Apache-2.0 and OpenAI's terms; The
    Cauldron CC BY 4.0 for the prompts, each source its own.

    A sample's inputs are ``image`` (if it has one; ``image_2``, ... if several) and ``question``, the
    user's first turn without its ``<image>`` marker; its reference is the first reply;
    ``extra["turns"]`` has all pairs as written.

    Args:
        path: the .json or .jsonl file.
        images: folder to which the image names are relative; that of the file if `None`.
        format: "llava" (also ALLaVA), "cauldron", or "auto" for the one that the first record has.
        split: name of the part that the file is.
        on_error: "refuse" or "skip" broken conversations and missing images.
        check_media: read every image when the data set is built.
    """

    name = "conversations"

    def __init__(
        self,
        *,
        path: str,
        images: str | None = None,
        format: Literal["auto", "llava", "cauldron"] = "auto",
        split: str = "train",
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.split = split
        check_choice("format", format, FORMATS)
        file = existing(self.name, path, LAYOUT)
        self.store = Store(existing(self.name, images, "a folder of images") if images else file.parent)
        found = self._load(file)
        self.format = _format_of(self.name, file, found[0]) if format == "auto" else format
        usable = (self._usable(number, record) for number, record in enumerate(found))
        self.records = [record for record in usable if record is not None]
        self.clusters = Numbers()
        for record in self.records:
            self.clusters[record.images or record.id]
        self.finish(file)

    def _load(self, file: Path) -> list[Any]:
        if not file.is_file():
            raise ValueError(f"{self.name}: path: {str(file)!r} is no file; expected {LAYOUT}")
        if file.suffix != ".jsonl":
            found = read_json(self.name, file)
        else:
            found = []
            for number, line in enumerate(read_text(file).split("\n"), 1):
                try:
                    found += [json.loads(line)] if line.strip() else []
                except json.JSONDecodeError as error:
                    self.broken(f"{file}, line {number}", f"no JSON ({error})")
        if not isinstance(found, list) or not found:
            raise ValueError(f"{self.name}: {file}: a list of conversations expected")
        return found

    def _usable(self, number: int, record: Any) -> _Record | None:
        where = f"conversation {number} (id {record.get('id') if isinstance(record, dict) else None!r})"
        try:
            parsed = _llava(record, number) if self.format == "llava" else _cauldron(record, number)
        except (UnreadableError, KeyError, TypeError, AttributeError) as error:
            why = error.why if isinstance(error, UnreadableError) else f"not in the {self.format} format ({error!r})"
            self.broken(where, why)
            return None
        if not all(user.replace(MARKER, "").strip() and reply.strip() for user, reply in parsed.turns):
            self.broken(where, "empty turn")
            return None
        return parsed if all(self.there(image, f"image of {where} is missing") for image in parsed.images) else None

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry."""
        return Entry(
            id=record.id,
            cluster=self.clusters[record.images or record.id],
            inputs={"question": record.turns[0][0].replace(MARKER, "").strip()},
            references=(record.turns[0][1],),
            family=record.source,
            extra={"turns": record.turns, "images": record.images},
            media={f"image_{place}" if place > 1 else "image": name for place, name in enumerate(record.images, 1)},
        )


def _format_of(name: str, file: Path, record: Any) -> str:
    keys = set(record) if isinstance(record, dict) else set()
    if "conversations" in keys:
        return "llava"
    if "texts" in keys:
        return "cauldron"
    raise ValueError(
        f"{name}: {file}: records have neither 'conversations' (LLaVA, ALLaVA) nor 'texts' (Cauldron), but "
        f"{', '.join(sorted(map(str, keys))) or type(record).__name__}"
    )


def _llava(record: Any, number: int) -> _Record:
    says = record["conversations"]
    speakers = [turn["from"] for turn in says]
    if not says or len(says) % 2:
        raise UnreadableError("", f"{len(says)} turns, pairs of human and gpt expected")
    if any(who not in (ASSISTANTS if place % 2 else USERS) for place, who in enumerate(speakers)):
        raise UnreadableError("", f"turns are by {', '.join(speakers)}, not by human and gpt in turn")
    turns = tuple((says[i]["value"], says[i + 1]["value"]) for i in range(0, len(says), 2))
    image: Sequence[str] | str = record.get("image") or ()
    images = (image,) if isinstance(image, str) else tuple(image)
    if not images and any(MARKER in user for user, _ in turns):
        raise UnreadableError("", f"{MARKER} in the text, but no image")
    return _Record(str(record.get("id", number)), images, turns, "")


def _cauldron(record: Any, number: int) -> _Record:
    turns = tuple((turn["user"], turn["assistant"]) for turn in record["texts"])
    if not turns:
        raise UnreadableError("", "no turns")
    images = tuple(record.get("images") or ())
    if not all(isinstance(image, str) for image in images):
        raise UnreadableError("", "images must be file names here; read parquet files through the datasets library")
    return _Record(str(record.get("id", number)), images, turns, str(record["texts"][0].get("source", "")))
