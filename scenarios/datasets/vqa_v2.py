"""VQA v2: ten human answers to questions about COCO photographs."""

from typing import Any, Literal, NamedTuple

from ...linklevel.validation import check_choice
from .base import OnError
from .files import check_version, existing, find, read_json, records_of
from .indexed import Entry, Indexed, Numbers
from .stores import Store

LAYOUT = (
    "v2_OpenEnded_mscoco_val2014_questions.json, v2_mscoco_val2014_annotations.json and the images in val2014/ "
    "(or Questions/, Annotations/ and Images/mscoco/ as the VQA API has them)"
)
SUBSETS = {"train": "train2014", "val": "val2014", "test": "test2015", "test-dev": "test-dev2015"}
"""Names of the splits in file names."""

NUM_ANSWERS = 10


class _Record(NamedTuple):
    question_id: int
    image_id: int
    question: str
    question_type: str
    answer_type: str
    answer: str
    answers: tuple[str, ...]


class VQAv2(Indexed):
    """VQA v2.0 (Goyal et al., CVPR 2017), https://visualqa.org/download.html.

    Layout: ``v2_OpenEnded_mscoco_<subset>_questions.json`` and ``v2_mscoco_<subset>_annotations.json``
    side by side with the image folders ``train2014``, ``val2014`` and ``test2015``, or in ``Questions``,
    ``Annotations`` and ``Images/mscoco`` as the official VQA API has them. The test splits have no answers.
    Licence: annotations CC BY 4.0; images under COCO's terms (Flickr, each with its own licence).

    A sample's inputs are ``image`` and ``question``, its reference is the most common answer, and
    ``extra["answers"]`` has all ten for the soft accuracy.

    Args:
        path: folder with that layout.
        split: "train", "val", "test" or "test-dev".
        family: which of the two types of a question is its family, "question_type" (its first
            words, 65 kinds) or "answer_type" (yes/no, number, other).
        on_error: "refuse" or "skip" broken entries and missing images.
        check_media: read every image when the data set is built.
    """

    name = "vqa_v2"

    def __init__(
        self,
        *,
        path: str,
        split: str = "val",
        family: Literal["question_type", "answer_type"] = "question_type",
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.split = check_choice("split", split, SUBSETS)
        self.family = check_choice("family", family, ("question_type", "answer_type"))
        subset = SUBSETS[split]
        root = existing(self.name, path, LAYOUT)
        self.photos = "test2015" if split.startswith("test") else subset
        folders = [self.photos, f"Images/mscoco/{self.photos}"]
        self.store = Store(find(self.name, root, folders, LAYOUT))
        questions = self._load(root, "Questions", f"v2_OpenEnded_mscoco_{subset}_questions.json", "questions")
        answers = {}
        if not split.startswith("test"):
            file = f"v2_mscoco_{subset}_annotations.json"
            answers = {record["question_id"]: record for record in self._load(root, "Annotations", file, "annotations")}
        self._join(questions, answers)
        self.clusters = Numbers()
        for record in self.records:
            self.clusters[record.image_id]
        self.finish(root)

    def _load(self, root: Any, folder: str, file: str, key: str) -> list[dict[str, Any]]:
        path = find(self.name, root, [file, f"{folder}/{file}"], LAYOUT)
        data = read_json(self.name, path)
        check_version(self.name, path, _version(data), "2")
        fields = ("question_id", "image_id", "question" if key == "questions" else "answers")
        return records_of(self.name, path, data, key, fields)

    def _join(self, questions: list[dict[str, Any]], annotations: dict[int, dict[str, Any]]) -> None:
        records, has_answers = [], not self.split.startswith("test")
        for question in questions:
            number = question["question_id"]
            where = f"question {number} of {self.split}"
            annotation = annotations.pop(number, None)
            if has_answers and annotation is None:
                self.broken(where, "no annotation")
                continue
            record = _record(question, annotation or {})
            if not record.question.strip():
                self.broken(where, "empty question")
            elif has_answers and len(record.answers) != NUM_ANSWERS:
                self.broken(where, f"{len(record.answers)} answers, {NUM_ANSWERS} expected")
            elif self.there(self._photo(record.image_id), f"image of {where} is missing"):
                records.append(record)
        for number in annotations:
            self.broken(f"annotation {number} of {self.split}", "no such question")
        self.records = records

    def _photo(self, number: int) -> str:
        return f"COCO_{self.photos}_{number:012d}.jpg"

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry."""
        return Entry(
            id=str(record.question_id),
            cluster=self.clusters[record.image_id],
            inputs={"question": record.question},
            references=(record.answer,) if record.answers else (),
            family=getattr(record, self.family),
            extra={
                "answers": record.answers,
                "question_type": record.question_type,
                "answer_type": record.answer_type,
                "image_id": record.image_id,
            },
            media={"image": self._photo(record.image_id)},
        )


def _version(data: Any) -> Any:
    return data.get("info", {}).get("version") if isinstance(data, dict) else None


def _record(question: dict[str, Any], annotation: dict[str, Any]) -> _Record:
    return _Record(
        question_id=question["question_id"],
        image_id=question["image_id"],
        question=question["question"],
        question_type=annotation.get("question_type", ""),
        answer_type=annotation.get("answer_type", ""),
        answer=annotation.get("multiple_choice_answer", ""),
        answers=tuple(answer["answer"] for answer in annotation.get("answers", ())),
    )
