"""MUSIC-AVQA: questions about music clips, answered by eye, ear or both."""

import ast
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...linklevel.validation import check_choice
from .base import OnError
from .clip_files import MODALITIES, Clips
from .files import find, read_json, records_of
from .indexed import Entry, Numbers

LAYOUT = "avqa-train.json, avqa-val.json, avqa-test.json (or in json/), and the clips <video_id>.mp4 in videos/"
FIELDS = ("video_id", "question_id", "type", "question_content", "templ_values", "anser")
_GAP = re.compile(r"<[^<>]+>")


class _Record(NamedTuple):
    question_id: str
    video_id: str
    template: str
    values: tuple[str, ...]
    question: str
    answer: str
    type: tuple[str, ...]
    deleted: bool
    media: dict[str, str]


class MusicAVQA(Clips):
    """MUSIC-AVQA (Li et al., CVPR 2022), https://gewu-lab.github.io/MUSIC-AVQA/.

    Layout: ``avqa-{train,val,test}.json`` (beside the clips or in ``json/``), lists of records with
    ``question_content`` (a template with gaps such as ``<Object>``), ``templ_values`` (what fills
    them, as the text of a list), ``anser`` (sic), ``type`` (such as ``["Audio", "Counting"]``) and
    ``video_id``; the clips as ``<video_id>.mp4`` anywhere below a media folder.
    Licence: CC BY-NC 4.0 for the annotations; clips from YouTube under their own terms.

    A sample's inputs are ``question``, ``video`` and ``audio``; its reference is the answer, its
    family the type (``Audio-Counting``) or the template, its cluster the clip. Questions
    with ``question_deleted`` stay in, as in the official loader; ``extra["deleted"]`` tells.

    Args:
        path: folder with the annotations.
        split: "train", "val" or "test".
        media: folder of the clips; ``videos`` in ``path`` if `None`.
        family: "type" (nine kinds) or "template" (the question before its gaps are filled).
        modalities: what a sample has, "video", "audio" or both.
        num_frames: of a video, at the middles of as many equal parts.
        sampling_rate: of audio, Hz; `None` keeps each file's. A change is noted in ``extra``.
        on_error: "refuse" or "skip" broken entries and missing clips.
        check_media: read every clip when the data set is built.
    """

    name = "music_avqa"
    layout = LAYOUT

    def __init__(
        self,
        *,
        path: str,
        split: str = "test",
        media: str | None = None,
        family: str = "type",
        modalities: Sequence[str] = MODALITIES,
        num_frames: int = 8,
        sampling_rate: int | None = 16_000,
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        self.family = check_choice("family", family, ("type", "template"))
        super().__init__(
            path=path,
            split=split,
            media=media,
            modalities=modalities,
            num_frames=num_frames,
            sampling_rate=sampling_rate,
            on_error=on_error,
            check_media=check_media,
        )

    def read_annotations(self) -> None:
        """Read the questions."""
        names = [f"avqa-{self.split}.json", f"json/avqa-{self.split}.json"]
        file = find(self.name, self.root, names, LAYOUT)
        found = records_of(self.name, file, read_json(self.name, file), None, FIELDS)
        self.records = [record for fields in found if (record := self._record(fields)) is not None]
        self.clusters = Numbers()
        for record in self.records:
            self.clusters[record.video_id]
        self.finish(file)

    def _record(self, fields: dict[str, Any]) -> _Record | None:
        where = f"question {fields.get('question_id')} of {self.split}"
        template = str(fields.get("question_content", "")).strip()
        values, types = _list_of(fields.get("templ_values")), _list_of(fields.get("type"))
        wrong = ""
        if not template:
            wrong = "empty question"
        elif not str(fields.get("anser", "")).strip():
            wrong = "empty answer ('anser')"
        elif values is None or len(values) < len(_GAP.findall(template)):
            wrong = f"templ_values {fields.get('templ_values')!r} do not fill the gaps of {template!r}"
        elif not types:
            wrong = f"type {fields.get('type')!r} is no list"
        if wrong or values is None or types is None:
            self.broken(where, wrong)
            return None
        media = self.files(fields["video_id"])
        if media is None:
            return None
        fill = iter(values)
        return _Record(
            question_id=str(fields["question_id"]),
            video_id=fields["video_id"],
            template=template,
            values=values,
            question=_GAP.sub(lambda _: next(fill), template),
            answer=str(fields["anser"]).strip(),
            type=types,
            deleted=bool(fields.get("question_deleted")),
            media=media,
        )

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry."""
        kind = "-".join(record.type)
        return Entry(
            id=record.question_id,
            cluster=self.clusters[record.video_id],
            inputs={"question": record.question},
            references=(record.answer,),
            family=kind if self.family == "type" else record.template,
            extra={
                "type": record.type,
                "template": record.template,
                "values": record.values,
                "video_id": record.video_id,
                "deleted": record.deleted,
            },
            media=record.media,
        )


def _list_of(value: Any) -> tuple[str, ...] | None:
    """Return a list that may be written as text, in JSON's or Python's way; `None` if it is none."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            try:
                value = ast.literal_eval(value)
            except (ValueError, SyntaxError):
                return None
    return tuple(map(str, value)) if isinstance(value, list) else None
