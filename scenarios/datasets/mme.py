"""MME: two yes-or-no questions about every image, in 14 subtasks."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...linklevel.validation import check_choice
from .base import OnError
from .files import existing, find, read_text
from .indexed import Entry, Indexed, Numbers
from .stores import Store, UnreadableError

PERCEPTION = (
    "existence",
    "count",
    "position",
    "color",
    "posters",
    "celebrity",
    "scene",
    "landmark",
    "artwork",
    "OCR",
)
COGNITION = ("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning")
SUBTASKS = PERCEPTION + COGNITION
LAYOUT = (
    "a folder for each subtask (existence/, ..., code_reasoning/) with images and .txt files of the same name, "
    "side by side or in images/ and questions_answers_YN/"
)
QUESTIONS = 2


class _Record(NamedTuple):
    subtask: str
    image: str
    number: int
    question: str
    answer: str


class MME(Indexed):
    r"""MME (Fu et al., 2023), https://github.com/BradyFu/Awesome-Multimodal-Large-Language-Models (Evaluation).

    Layout: ``MME_Benchmark_release_version`` with a folder for each subtask; in it, or in its
    ``images/`` and ``questions_answers_YN/``, an image and a ``.txt`` file of the same name with two
    lines ``question\tYes`` and ``question\tNo``.
    Licence: for academic research only; images belong to their sources and are not passed on.

    A sample's inputs are ``image`` and ``question`` (with "Please answer yes or no." as written), its
    reference is "Yes" or "No", its family is the subtask, and its cluster the image: accuracy+ counts
    images of which both answers are right. ``extra["group"]`` is "perception" or "cognition".

    Args:
        path: that folder, or the one that holds it.
        subtasks: which of them, all 14 if `None`.
        on_error: "refuse" or "skip" broken entries and missing files.
        check_media: read every image when the data set is built.
    """

    name = "mme"
    split = "test"

    def __init__(
        self,
        *,
        path: str,
        subtasks: Sequence[str] | None = None,
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        wanted = [check_choice("subtasks", subtask, SUBTASKS) for subtask in subtasks or SUBTASKS]
        root = existing(self.name, path, LAYOUT)
        inner = [
            f"MME_Benchmark_release_version/MME_Benchmark/{wanted[0]}",
            f"MME_Benchmark_release_version/{wanted[0]}",
        ]
        root = find(self.name, root, [wanted[0], *inner], LAYOUT).parent
        self.store = Store(root)
        self.records = [record for subtask in wanted for record in self._subtask(root, subtask)]
        self.clusters = Numbers()
        for record in self.records:
            self.clusters[record.image]
        self.finish(root)

    def _subtask(self, root: Path, subtask: str) -> list[_Record]:
        folder = find(self.name, root, [subtask], LAYOUT)
        images = folder / "images" if (folder / "images").is_dir() else folder
        texts = folder / "questions_answers_YN" if images != folder else folder
        if not texts.is_dir():
            raise ValueError(f"{self.name}: {str(texts)!r} is missing; expected {LAYOUT}")
        questions = {path.stem: path for path in texts.glob("*.txt")}
        records = []
        for path in sorted(path for path in images.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"}):
            text = questions.pop(path.stem, None)
            if text is None:
                self.broken(str(path), "no .txt file with its questions")
                continue
            records += self._pair(subtask, path.relative_to(root).as_posix(), text)
        for text in questions.values():
            self.broken(str(text), "its image is missing")
        return records

    def _pair(self, subtask: str, image: str, text: Path) -> list[_Record]:
        try:
            lines = [line for line in read_text(text).split("\n") if line.strip()]
        except UnreadableError as error:
            self.broken(error.where, error.why)
            return []
        fields = [line.rstrip("\r").split("\t") for line in lines]
        if len(fields) != QUESTIONS:
            self.broken(str(text), f"{len(fields)} questions, {QUESTIONS} expected")
            return []
        for number, parts in enumerate(fields):
            if len(parts) != 2 or not parts[0].strip() or parts[1].strip() not in {"Yes", "No"}:
                self.broken(f"{text}, line {number + 1}", "not 'question<tab>Yes' or 'question<tab>No'")
                return []
        return [
            _Record(subtask, image, number, question.strip(), answer.strip())
            for number, (question, answer) in enumerate(fields)
        ]

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry."""
        return Entry(
            id=f"{record.image}-{record.number}",
            cluster=self.clusters[record.image],
            inputs={"question": record.question},
            references=(record.answer,),
            family=record.subtask,
            extra={"group": "perception" if record.subtask in PERCEPTION else "cognition"},
            media={"image": record.image},
        )
