"""Data sets in files: an index of annotations, and media that are read when asked for."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .base import Dataset, OnError, Sample
from .clips import read_frames, read_sound
from .media import VIDEO, read_audio, read_image
from .stores import Store, UnreadableError


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A sample whose media have not been read.

    Args:
        id: as in `Sample`.
        cluster: as in `Sample`.
        inputs: those that the annotation file holds.
        references: as in `Sample`.
        family: as in `Sample`.
        extra: as in `Sample`.
        media: file names by modality: ``image`` (``image_2``, ... if several), ``audio``, ``video``.
    """

    id: str
    cluster: int
    inputs: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    family: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    media: Mapping[str, str] = field(default_factory=dict)


class Numbers(dict[Hashable, int]):
    """Consecutive numbers for keys, in order of appearance; for `Sample.cluster`.

    Example:
        >>> numbers = Numbers()
        >>> [numbers[key] for key in ("b", "a", "b")]
        [0, 1, 0]
    """

    def __missing__(self, key: Hashable) -> int:
        self[key] = number = len(self)
        return number


class Indexed(Dataset):
    """A data set in files.

    A subclass fills :attr:`records` when it is built, and turns one into an `Entry` when asked.
    Reading a damaged file raises a `ValueError` that names it. Iterating with ``on_error="skip"``
    leaves it out instead, and notes it in :attr:`skipped`.

    Args:
        on_error: "refuse" or "skip"; see `Dataset`.
        check_media: read every media file when the data set is built, so that damaged ones are
            refused, or left out and counted, before anything else happens. Takes as long as
            reading them all.
    """

    num_frames: int = 8
    """Of a video clip."""

    def __init__(self, *, on_error: OnError = "refuse", check_media: bool = False) -> None:
        super().__init__(on_error=on_error)
        self.check_media = check_media
        self.records: Sequence[Any] = []
        self.store: Store | None = None
        self._noted: set[int] = set()

    @abstractmethod
    def entry(self, record: Any) -> Entry:
        """Return a record's entry."""

    def finish(self, where: object) -> None:
        """Refuse an empty data set, and check the media if that is asked for.

        Args:
            where: what was read, for the message.

        Raises:
            ValueError: if no sample is left; naming what was wrong with the first.
        """
        if self.check_media:
            self.records = [record for record in self.records if self._reads(record)]
        if not len(self.records):
            first = f": {self.skipped[0].where}: {self.skipped[0].why}" if self.skipped else ""
            raise ValueError(f"{self.name}: no sample in {str(where)!r} ({len(self.skipped)} left out{first})")

    def _reads(self, record: Any) -> bool:
        try:
            self._sample(record)
        except UnreadableError as error:
            self.broken(error.where, error.why)
            return False
        return True

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.records)

    def read(self, index: int) -> Sample:
        """Return a sample.

        Raises:
            ValueError: naming the file that is missing or damaged.
        """
        try:
            return self._sample(self.records[index])
        except UnreadableError as error:
            raise ValueError(
                f"{self.name}: {error}; mend it, or leave such files out with on_error: skip and check_media: true"
            ) from error

    def __iter__(self) -> Iterator[Sample]:
        """Read the samples one after the other; damaged ones are refused or skipped and counted."""
        for index, record in enumerate(self.records):
            try:
                sample = self._sample(record)
            except UnreadableError as error:
                self._note(index, error)
            else:
                yield sample

    def _note(self, index: int, error: UnreadableError) -> None:
        """Refuse a sample that turned out damaged, or note once that it is left out."""
        if index not in self._noted:
            self.broken(error.where, error.why)
            self._noted.add(index)

    def references_of(self, index: int) -> tuple[tuple[str, ...], str]:
        """Return the references and the family of a sample without reading its media."""
        entry = self.entry(self.records[index])
        return entry.references, entry.family

    def cluster_of(self, index: int) -> int:
        """Return the cluster of a sample without reading its media."""
        return self.entry(self.records[index]).cluster

    def answers(self) -> Mapping[str, Counter[str]]:
        """Count the first references by family.

        Raises:
            ValueError: if the split has no references.
        """
        counts: dict[str, Counter[str]] = {}
        for index, record in enumerate(self.records):
            try:
                entry = self.entry(record)
            except UnreadableError as error:
                self._note(index, error)
                continue
            if not entry.references:
                raise ValueError(f"{self.name}: split {self.split!r} has no references; take another split")
            counts.setdefault(entry.family, Counter())[entry.references[0]] += 1
        return counts

    def _sample(self, record: Any) -> Sample:
        entry = self.entry(record)
        inputs, extra = dict(entry.inputs), dict(entry.extra)
        for kind, name in entry.media.items():
            inputs[kind] = self.medium(kind, name, extra)
        return Sample(
            id=entry.id,
            cluster=entry.cluster,
            inputs=inputs,
            references=entry.references,
            family=entry.family,
            extra=extra,
        )

    def medium(self, kind: str, name: str, extra: dict[str, Any]) -> Any:
        """Read a media file; what was changed (rate, channels) is noted in ``extra``.

        Raises:
            UnreadableError: naming it.
        """
        assert self.store is not None
        if kind.startswith("image"):
            return read_image(self.store, name)
        if kind == "video":
            return read_frames(self.store, name, self.num_frames)
        read = read_sound if name.lower().endswith(VIDEO) else read_audio
        samples, changed = read(self.store, name, self.sampling_rate)
        extra.update(changed)
        return samples

    def there(self, name: str, why: str = "missing") -> bool:
        """Tell whether a media file is there; a missing one is refused, or noted as left out."""
        assert self.store is not None
        if self.store.has(name):
            return True
        self.broken(self.store.where(name), why)
        return False
