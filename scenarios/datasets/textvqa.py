"""TextVQA: questions about the text in photographs."""

from collections import Counter
from pathlib import Path
from typing import Any

from ...linklevel.validation import check_choice
from .base import OnError
from .files import check_version, existing, find, read_json, records_of
from .indexed import Entry, Indexed, Numbers
from .stores import Store

VERSION = "0.5.1"
LAYOUT = (
    f"TextVQA_{VERSION}_train.json (val, test) and the images in train_images/ (also val's; test_images/), "
    "as they are unpacked or inside train_val_images/"
)
NUM_ANSWERS = 10


class TextVQA(Indexed):
    """TextVQA 0.5.1 (Singh et al., CVPR 2019), https://textvqa.org/dataset/.

    Layout: ``TextVQA_0.5.1_<split>.json`` beside ``train_images`` (it also holds the images of val)
    and ``test_images``, or ``train_val_images/train_images``. The test split has no answers.
    Licence: annotations CC BY 4.0; images of OpenImages, CC BY 2.0.

    A sample's inputs are ``image`` and ``question``, its reference is the most common of the ten
    answers (the earliest of equals), and ``extra["answers"]`` has all ten.

    Args:
        path: folder with that layout.
        split: "train", "val" or "test".
        ocr: also read ``TextVQA_Rosetta_OCR_v0.2_<split>.json`` into ``extra["ocr_tokens"]``.
        on_error: "refuse" or "skip" broken entries and missing images.
        check_media: read every image when the data set is built.
    """

    name = "textvqa"

    def __init__(
        self,
        *,
        path: str,
        split: str = "val",
        ocr: bool = False,
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.split = check_choice("split", split, ("train", "val", "test"))
        root = existing(self.name, path, LAYOUT)
        folder = "test_images" if split == "test" else "train_images"
        self.store = Store(find(self.name, root, [folder, f"train_val_images/{folder}"], LAYOUT))
        file = find(self.name, root, [f"TextVQA_{VERSION}_{split}.json"], LAYOUT)
        data = read_json(self.name, file)
        check_version(self.name, file, data.get("dataset_version") if isinstance(data, dict) else None, VERSION)
        fields = ("question", "question_id", "image_id", *(() if split == "test" else ("answers",)))
        found = records_of(self.name, file, data, "data", fields)
        self.records = [record for record in found if self._usable(record)]
        self.clusters = Numbers()
        for record in self.records:
            self.clusters[record["image_id"]]
        self.ocr = self._ocr(root) if ocr else None
        self.finish(root)

    def _usable(self, record: dict[str, Any]) -> bool:
        where = f"question {record.get('question_id')} of {self.split}"
        if not record.get("question", "").strip():
            self.broken(where, "empty question")
            return False
        count = len(record.get("answers", ()))
        if self.split != "test" and count != NUM_ANSWERS:
            self.broken(where, f"{count} answers, {NUM_ANSWERS} expected")
            return False
        return self.there(f"{record['image_id']}.jpg", f"image of {where} is missing")

    def _ocr(self, root: Path) -> dict[str, tuple[str, ...]]:
        file = find(self.name, root, [f"TextVQA_Rosetta_OCR_v0.2_{self.split}.json"], LAYOUT)
        data = records_of(self.name, file, read_json(self.name, file), "data", ("image_id", "ocr_tokens"))
        return {record["image_id"]: tuple(record["ocr_tokens"]) for record in data}

    def entry(self, record: dict[str, Any]) -> Entry:
        """Return a record's entry."""
        answers = tuple(record.get("answers", ()))
        extra = {"answers": answers, "image_classes": tuple(record.get("image_classes", ()))}
        if self.ocr is not None:
            extra["ocr_tokens"] = self.ocr.get(record["image_id"], ())
        return Entry(
            id=str(record["question_id"]),
            cluster=self.clusters[record["image_id"]],
            inputs={"question": record["question"]},
            references=(Counter(answers).most_common(1)[0][0],) if answers else (),
            extra=extra,
            media={"image": f"{record['image_id']}.jpg"},
        )
