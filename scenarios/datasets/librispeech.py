"""LibriSpeech: read English books, with transcripts."""

import re
from pathlib import Path
from typing import NamedTuple

from ...linklevel.validation import check_choice, check_range
from .base import OnError
from .files import existing, find, read_text
from .indexed import Entry, Indexed, Numbers
from .stores import Store, UnreadableError

SPLITS = (
    "dev-clean",
    "dev-other",
    "test-clean",
    "test-other",
    "train-clean-100",
    "train-clean-360",
    "train-other-500",
)
LAYOUT = "LibriSpeech/<split>/<speaker>/<chapter>/<speaker>-<chapter>.trans.txt and .flac files"
_ID = re.compile(r"\d+-\d+-\d+")


class _Record(NamedTuple):
    id: str
    speaker: str
    chapter: str
    transcript: str


class LibriSpeech(Indexed):
    """LibriSpeech (Panayotov et al., ICASSP 2015), https://www.openslr.org/12.

    Layout: ``LibriSpeech/<split>/<speaker>/<chapter>/`` with ``<speaker>-<chapter>.trans.txt`` (an id, a
    space and the transcript in capitals a line) and ``<id>.flac`` at 16 kHz.
    Licence: CC BY 4.0.

    A sample's input is ``audio``, its reference the transcript, its cluster the speaker. A file at
    another rate is resampled, and ``extra["resampled_from"]`` tells.

    Args:
        path: ``LibriSpeech``, or the folder that holds it.
        split: "dev-clean", "dev-other", "test-clean", "test-other", "train-clean-100",
            "train-clean-360" or "train-other-500".
        sampling_rate: of the samples, Hz.
        on_error: "refuse" or "skip" broken lines and missing recordings.
        check_media: read every recording when the data set is built.
    """

    name = "librispeech"

    def __init__(
        self,
        *,
        path: str,
        split: str = "dev-clean",
        sampling_rate: int = 16_000,
        on_error: OnError = "refuse",
        check_media: bool = False,
    ) -> None:
        super().__init__(on_error=on_error, check_media=check_media)
        self.split = check_choice("split", split, SPLITS)
        self.sampling_rate = check_range("sampling_rate", sampling_rate, 4000, 192_000, integer=True)
        root = existing(self.name, path, LAYOUT)
        root = find(self.name, root, [split, f"LibriSpeech/{split}"], LAYOUT)
        self.store = Store(root)
        chapters = sorted(root.glob("*/*/"), key=lambda folder: folder.as_posix())
        self.records = [record for chapter in chapters for record in self._chapter(chapter)]
        self.clusters = Numbers()
        for record in self.records:
            self.clusters[record.speaker]
        self.finish(root)

    def _chapter(self, folder: Path) -> list[_Record]:
        speaker, chapter = folder.parent.name, folder.name
        try:
            lines = read_text(folder / f"{speaker}-{chapter}.trans.txt").split("\n")
        except UnreadableError as error:
            self.broken(error.where, error.why)
            return []
        records, recordings = [], {file.stem for file in folder.glob("*.flac")}
        for line in filter(str.strip, lines):
            name, _, transcript = line.partition(" ")
            where = f"{name} of {speaker}-{chapter}.trans.txt"
            if not _ID.fullmatch(name) or not transcript.strip():
                self.broken(where, "not '<speaker>-<chapter>-<number> TRANSCRIPT'")
                recordings.discard(name)
            elif self.there(f"{speaker}/{chapter}/{name}.flac"):
                recordings.discard(name)
                records.append(_Record(name, speaker, chapter, transcript.strip()))
        for name in sorted(recordings):
            self.broken(str(folder / f"{name}.flac"), "no transcript")
        return records

    def entry(self, record: _Record) -> Entry:
        """Return a record's entry."""
        return Entry(
            id=record.id,
            cluster=self.clusters[record.speaker],
            references=(record.transcript,),
            extra={"speaker": record.speaker, "chapter": record.chapter},
            media={"audio": f"{record.speaker}/{record.chapter}/{record.id}.flac"},
        )
