"""SST-2: is a sentence from a film review positive or negative?"""

from typing import NamedTuple

from ...linklevel.validation import check_choice
from .base import OnError
from .files import existing, find
from .indexed import Entry, Indexed
from .lines import numbered_lines

NAMES = ("negative", "positive")
LAYOUT = (
    "train.tsv, dev.tsv, test.tsv of GLUE ('sentence<tab>label'), or train.txt, dev.txt with 'label sentence' lines"
)


class _Record(NamedTuple):
    number: int
    sentence: str
    label: int | None


class SST2(Indexed):
    """Stanford Sentiment Treebank, two classes (Socher et al., EMNLP 2013; Wang et al., GLUE, ICLR 2019).

    Format: https://gluebenchmark.com/tasks (SST-2.zip), and the plain files of sentence-level SST-2.

    Layout: ``SST-2/{train,dev,test}.tsv`` with the header ``sentence<tab>label`` (train has phrases
    too; test has ``index<tab>sentence`` and no labels), or ``{train,dev,test}.txt`` with a label, a
    space and a sentence a line. If both are there the .tsv is read.
    Licence: no explicit one; for research, with citation.

    A sample's input is ``text``, its reference "negative" or "positive", ``extra["label"]`` 0 or 1.

    Args:
        path: folder with one of these layouts, or one file.
        split: "train", "dev" or "test".
        on_error: "refuse" or "skip" broken lines.
    """

    name = "sst2"

    def __init__(self, *, path: str, split: str = "dev", on_error: OnError = "refuse") -> None:
        super().__init__(on_error=on_error)
        self.split = check_choice("split", split, ("train", "dev", "test"))
        root = existing(self.name, path, LAYOUT)
        wanted = [f"{split}.tsv", f"SST-2/{split}.tsv", f"{split}.txt"]
        self.file = root if root.is_file() else find(self.name, root, wanted, LAYOUT)
        self.records = self._glue() if self.file.suffix == ".tsv" else self._plain()
        self.finish(self.file)

    def _glue(self) -> list[_Record]:
        lines = numbered_lines(self, self.file)
        header = lines[0][1].split("\t") if lines else []
        if header not in (["sentence", "label"], ["index", "sentence"]):
            raise ValueError(
                f"{self.name}: {self.file}: header 'sentence<tab>label' or 'index<tab>sentence' expected, not {header}"
            )
        labelled = header[1] == "label"
        records: list[_Record] = []
        for number, line in lines[1:]:
            fields = line.split("\t")
            if len(fields) != 2:
                self.broken(f"{self.file}, line {number}", f"{len(fields)} fields, 2 expected")
                continue
            sentence, label = fields if labelled else (fields[1], "")
            self._add(records, number, sentence, label, labelled)
        return records

    def _plain(self) -> list[_Record]:
        records: list[_Record] = []
        for number, line in numbered_lines(self, self.file):
            label, _, sentence = line.partition(" ")
            self._add(records, number, sentence, label, labelled=True)
        return records

    def _add(self, records: list[_Record], number: int, sentence: str, label: str, labelled: bool) -> None:
        where = f"{self.file}, line {number}"
        if labelled and label not in {"0", "1"}:
            self.broken(where, f"label {label!r} is neither 0 nor 1")
        elif not sentence.strip():
            self.broken(where, "empty sentence")
        else:
            records.append(_Record(number, sentence.strip(), int(label) if labelled else None))

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry."""
        return Entry(
            id=f"{self.split}-{record.number}",
            cluster=record.number,
            inputs={"text": record.sentence},
            references=() if record.label is None else (NAMES[record.label],),
            extra={} if record.label is None else {"label": record.label},
        )
