"""TREC: what kind of answer does a question ask for?"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ...linklevel.validation import check_choice
from .base import OnError
from .files import existing, find
from .indexed import Entry, Indexed
from .lines import numbered_lines

COARSE = ("DESC", "ENTY", "ABBR", "HUM", "LOC", "NUM")
"""In the order of the numbers in plain files (order of appearance in the official training file)."""

LAYOUT = (
    "train_5500.label and TREC_10.label ('NUM:dist How far ...'), or train.txt and test.txt with 'label sentence' lines"
)
OFFICIAL = {"train": "train_5500.label", "test": "TREC_10.label"}


class _Record(NamedTuple):
    number: int
    question: str
    coarse: str
    fine: str


class TREC(Indexed):
    """TREC question classification (Li & Roth, COLING 2002), https://cogcomp.seas.upenn.edu/Data/QA/QC/.

    Layout: ``train_5500.label`` (5,452 questions) and ``TREC_10.label`` (500) with lines like
    ``NUM:dist How far is it from Denver to Aspen ?``, or ``train.txt`` and ``test.txt`` with the
    number of a coarse class, a space and the question. All are in latin-1.
    Licence: no explicit one; for research, with citation.

    A sample's input is ``text``, its reference the coarse class such as "NUM" or the fine one such as
    "NUM:dist"; ``extra`` has ``coarse`` and ``fine`` (empty in plain files).

    Args:
        path: folder with one of these layouts, or one file.
        split: "train" or "test".
        label: which class is the reference, "coarse" or "fine" (official files only).
        classes: coarse classes by their number in plain files.
        on_error: "refuse" or "skip" broken lines.
    """

    name = "trec"

    def __init__(
        self,
        *,
        path: str,
        split: str = "train",
        label: Literal["coarse", "fine"] = "coarse",
        classes: Sequence[str] = COARSE,
        on_error: OnError = "refuse",
    ) -> None:
        super().__init__(on_error=on_error)
        self.split = check_choice("split", split, OFFICIAL)
        self.label = check_choice("label", label, ("coarse", "fine"))
        if sorted(classes) != sorted(COARSE):
            raise ValueError(f"classes: {tuple(classes)!r} must be some order of {', '.join(COARSE)}")
        root = existing(self.name, path, LAYOUT)
        self.file = root if root.is_file() else find(self.name, root, [OFFICIAL[split], f"{split}.txt"], LAYOUT)
        official = self.file.suffix == ".label"
        if label == "fine" and not official:
            raise ValueError(f"label: {self.file} has only coarse classes; take {OFFICIAL[split]}, or label 'coarse'")
        self.records = [
            record
            for number, line in numbered_lines(self, self.file, "latin-1")
            if (record := self._record(number, line, official, classes)) is not None
        ]
        self.finish(self.file)

    def _record(self, number: int, line: str, official: bool, classes: Sequence[str]) -> _Record | None:
        where = f"{self.file}, line {number}"
        label, _, question = line.partition(" ")
        coarse, _, fine = label.partition(":")
        if official and (coarse not in COARSE or not fine):
            self.broken(where, f"{label!r} is no label like 'NUM:dist'")
        elif not official and label not in map(str, range(len(classes))):
            self.broken(where, f"label {label!r} is not 0 ... {len(classes) - 1}")
        elif not question.strip():
            self.broken(where, "empty question")
        elif official:
            return _Record(number, question.strip(), coarse, label)
        else:
            return _Record(number, question.strip(), classes[int(label)], "")
        return None

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry."""
        return Entry(
            id=f"{self.split}-{record.number}",
            cluster=record.number,
            inputs={"text": record.question},
            references=(record.coarse if self.label == "coarse" else record.fine,),
            extra={"coarse": record.coarse, "fine": record.fine},
        )
