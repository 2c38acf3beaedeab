"""Free Spoken Digit Dataset: single spoken digits."""

import re
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from ...linklevel.validation import check_choice, check_range
from .base import OnError
from .files import existing, find
from .indexed import Entry, Indexed, Numbers
from .stores import open_store

LAYOUT = "recordings/<digit>_<speaker>_<index>.wav in a folder or a tar archive (fsdd.tar.xz)"
TEST_BELOW = 5
"""Recordings with a smaller index are the test split."""
_FILE = re.compile(r"(\d)_([A-Za-z]+)_(\d+)\.wav")


class _Record(NamedTuple):
    file: str
    digit: str
    speaker: str
    take: int
    number: int


class FSDD(Indexed):
    """Free Spoken Digit Dataset (Jackson et al.), https://github.com/Jakobovski/free-spoken-digit-dataset.

    Layout: ``recordings/<digit>_<speaker>_<index>.wav``, 8 kHz, in a folder or a tar archive (given by
    itself, or lying in the folder as ``fsdd.tar.*``). Index 0-4 is the test split, as the source says.
    Licence: CC BY-SA 4.0.

    A sample's input is ``audio``, its reference the digit such as "7"; ``extra`` has ``speaker`` and
    ``index``. A file at another rate is resampled, and ``extra["resampled_from"]`` tells.

    Args:
        path: folder or archive with that layout.
        split: "train", "test" or "all".
        sampling_rate: of the samples, Hz.
        cluster_by: what a cluster is, "recording" (intervals are about these speakers) or "speaker".
        on_error: "refuse" or "skip" broken and misnamed files.
        check_media: read every recording when the data set is built.
    """

    name = "fsdd"

    def __init__(
        self,
        *,
        path: str,
        split: str = "test",
        sampling_rate: int = 8000,
        cluster_by: Literal["recording", "speaker"] = "recording",
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.split = check_choice("split", split, ("train", "test", "all"))
        self.sampling_rate = check_range("sampling_rate", sampling_rate, 4000, 192_000, integer=True)
        self.cluster_by = check_choice("cluster_by", cluster_by, ("recording", "speaker"))
        root = existing(self.name, path, LAYOUT)
        if root.is_dir():
            archives = sorted(file.name for file in root.glob("fsdd.tar*"))
            holder = find(self.name, root, ["recordings", *archives], LAYOUT)
            root = holder if holder.is_file() else root
        self.store = open_store(root)
        if self.store.damage:
            self.broken(str(root), self.store.damage)
        self.records = self._records()
        self.speakers = Numbers()
        for record in self.records:
            self.speakers[record.speaker]
        self.finish(root)

    def _records(self) -> list[_Record]:
        assert self.store is not None
        found: list[_Record] = []
        for file in self.store.names([".wav"]):
            match = _FILE.fullmatch(PurePosixPath(file).name)
            if match is None:
                self.broken(self.store.where(file), "not named <digit>_<speaker>_<index>.wav")
                continue
            found.append(_Record(file, match[1], match[2], int(match[3]), len(found)))
        chosen = {"train": (False,), "test": (True,), "all": (False, True)}[self.split]
        return [record for record in found if (record.take < TEST_BELOW) in chosen]

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry."""
        by_speaker = self.cluster_by == "speaker"
        return Entry(
            id=PurePosixPath(record.file).stem,
            cluster=self.speakers[record.speaker] if by_speaker else record.number,
            references=(record.digit,),
            extra={"speaker": record.speaker, "index": record.take},
            media={"audio": record.file},
        )
