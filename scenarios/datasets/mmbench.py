"""MMBench: multiple-choice questions, asked once for every rotation of the choices."""

import base64
import binascii
import csv
import hashlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...linklevel.validation import check_choice
from .base import OnError
from .files import existing, find
from .indexed import Entry, Indexed, Numbers
from .media import image_of
from .stores import UnreadableError
from .tsv import ByteLines, long_fields

OPTIONS = "ABCDE"
COLUMNS = ("index", "question", "A", "B", "category", "image")
ROUND = 1_000_000
"""Official files that are rotated already number the rotations of question i as i + k·10^6."""
LAYOUT = "a file such as mmbench_dev_20230712.tsv or MMBench_DEV_EN.tsv, or a folder that holds one for the split"
_LONGEST_INDEX = 64
"""A shorter image field is no image but the index of the question that has it."""


class _Record(NamedTuple):
    number: int
    rotation: int
    start: int
    image: bytes
    question: str
    hint: str
    choices: tuple[str, ...]
    answer: int | None
    category: str
    group: str


class MMBench(Indexed):
    """MMBench (Liu et al., ECCV 2024), https://github.com/open-compass/MMBench (TSV files, section Download).

    Layout: a tab-separated file with the columns index, question, hint, A ... D, answer, category,
    l2-category and image (base64, or the index of the question with the same image). The file is
    indexed once; images are read from it when asked for. The test file has no answers.
    Licence: Apache-2.0 for the annotations; images belong to their sources.

    A sample's inputs are ``image``, ``question``, ``choices`` and, where there is one, ``hint``. Its
    reference is the letter of the right choice. In circular evaluation a question with n choices
    becomes n samples, in which the choices are rotated by 0 ... n-1 places; they share
    ``extra["circular"]``, and count as right together or not at all. Questions with one image share a cluster.

    Args:
        path: the file, or its folder.
        split: "dev" or "test"; of a folder, the one .tsv file with that word in its name is taken.
        circular: all rotations of the choices, made here unless the file has them (index of a
            million or more); without, each question once as first written.
        family: column that is the family, "category" (20 abilities) or "l2-category" (6).
        on_error: "refuse" or "skip" broken rows.
        check_media: decode every image when the data set is built.
    """

    name = "mmbench"

    def __init__(
        self,
        *,
        path: str,
        split: str = "dev",
        circular: bool = True,
        family: Literal["category", "l2-category"] = "category",
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.split = check_choice("split", split, ("dev", "test"))
        self.family = check_choice("family", family, ("category", "l2-category"))
        self.file = self._file(existing(self.name, path, LAYOUT))
        rows = self._rows()
        rotated = any(row.number >= ROUND for row in rows)
        if circular and not rotated:
            rows = [turned for row in rows for turned in _rotations(row)]
        self.records = [row for row in rows if circular or row.number < ROUND]
        self.clusters = Numbers()
        for record in self.records:
            self.clusters[record.image]
        self.finish(self.file)

    def _file(self, path: Path) -> Path:
        if path.is_file():
            return path
        files = [file for file in sorted(path.glob("*.tsv")) if self.split in file.name.lower()]
        if len(files) > 1:
            names = ", ".join(file.name for file in files)
            raise ValueError(
                f"{self.name}: {str(path)!r} has several files for {self.split}: {names}; give one as path"
            )
        return files[0] if files else find(self.name, path, [f"mmbench_{self.split}.tsv"], LAYOUT)

    def _rows(self) -> list[_Record]:
        """Index the file: everything but the images, of which the places are kept."""
        rows: list[_Record] = []
        starts: dict[int, tuple[int, bytes]] = {}
        borrowed: dict[int, int] = {}
        with self.file.open("rb") as file, long_fields():
            lines = ByteLines(file)
            reader = csv.reader(lines, delimiter="\t")
            self.columns = next(reader, [])
            missing = [column for column in COLUMNS if column not in self.columns]
            if missing:
                raise ValueError(
                    f"{self.name}: {self.file}: no column {', '.join(missing)} (it has "
                    f"{', '.join(self.columns[:12])}); is this another version?"
                )
            start = lines.offset
            for number, fields in enumerate(reader):
                row = self._row(number, fields, start)
                if row is not None:
                    rows.append(row)
                    image = dict(zip(self.columns, fields, strict=True))["image"]
                    if len(image) <= _LONGEST_INDEX and image.isdigit():
                        borrowed[row.number] = int(image)
                    else:
                        starts[row.number] = start, hashlib.blake2b(image.encode(), digest_size=16).digest()
                start = lines.offset
        return [owned for row in rows if (owned := self._owner(row, starts, borrowed)) is not None]

    def _owner(self, row: _Record, starts: dict[int, tuple[int, bytes]], borrowed: dict[int, int]) -> _Record | None:
        """Return a row with the place and the digest of its image, which another question may hold."""
        owner = borrowed.get(row.number, row.number)
        if owner not in starts:
            self.broken(
                f"question {row.number} of {self.file.name}", f"its image is that of question {owner}, which has none"
            )
            return None
        start, digest = starts[owner]
        return row._replace(start=start, image=digest)

    def _row(self, number: int, fields: list[str], start: int) -> _Record | None:
        where = f"row {number + 2} of {self.file.name}"
        if len(fields) != len(self.columns):
            self.broken(where, f"{len(fields)} fields, {len(self.columns)} expected")
            return None
        row = {
            column: "" if value == "nan" else value.strip() for column, value in zip(self.columns, fields, strict=True)
        }
        given = [row.get(letter, "") for letter in OPTIONS]
        choices = tuple(choice for choice in given if choice)
        answer = row.get("answer", "")
        wrong = ""
        if not row["index"].isdigit():
            wrong = f"index {row['index']!r} is no number"
        elif not row["question"]:
            wrong = "empty question"
        elif len(choices) < 2 or any(given[len(choices) :]):
            wrong = "choices must be two or more, without a gap"
        elif self.split == "dev" and (not answer or answer not in OPTIONS[: len(choices)]):
            wrong = f"answer {answer!r} is none of {OPTIONS[: len(choices)]}"
        elif not row["image"]:
            wrong = "no image"
        if wrong:
            self.broken(where, wrong)
            return None
        return _Record(
            number=int(row["index"]),
            rotation=int(row["index"]) // ROUND,
            start=start,
            image=b"",
            question=row["question"],
            hint=row.get("hint", ""),
            choices=choices,
            answer=OPTIONS.index(answer) if answer else None,
            category=row["category"],
            group=row.get("l2-category", ""),
        )

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry."""
        return Entry(
            id=f"{record.number % ROUND}-{record.rotation}",
            cluster=self.clusters[record.image],
            inputs={"question": record.question, "choices": record.choices}
            | ({"hint": record.hint} if record.hint else {}),
            references=() if record.answer is None else (OPTIONS[record.answer],),
            family=record.category if self.family == "category" else record.group,
            extra={
                "circular": record.number % ROUND,
                "rotation": record.rotation,
                "answer": None if record.answer is None else record.choices[record.answer],
                "category": record.category,
                "l2-category": record.group,
            },
            media={"image": str(record.start)},
        )

    def medium(self, kind: str, name: str, extra: dict[str, Any]) -> Any:
        """Decode the image of the row that starts at a byte of the file."""
        with self.file.open("rb") as file, long_fields():
            file.seek(int(name))
            fields = next(csv.reader(ByteLines(file), delimiter="\t"))
        row = dict(zip(self.columns, fields, strict=True))
        where = f"image of question {row['index']} of {self.file.name}"
        try:
            data = base64.b64decode(row["image"], validate=True)
        except binascii.Error as error:
            raise UnreadableError(where, f"no base64 ({error})") from error
        return image_of(data, where)


def _rotations(row: _Record) -> list[_Record]:
    """Return a question once for each rotation of its choices."""
    count = len(row.choices)
    return [
        row._replace(
            rotation=shift,
            choices=row.choices[shift:] + row.choices[:shift],
            answer=None if row.answer is None else (row.answer - shift) % count,
        )
        for shift in range(count)
    ]
