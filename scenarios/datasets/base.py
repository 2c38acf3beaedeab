"""What a data set is: samples that are read when they are asked for, and what could not be read."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ...linklevel.validation import check_choice

OnError = Literal["refuse", "skip"]
"""What happens to a broken or missing file: the reader stops, or goes on and counts it."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One item of a data set.

    Args:
        id: name that is unique in the data set and stays the same between versions of this package.
        cluster: number of what several samples share (the image of several questions); intervals
            respect it.
        inputs: what a transmitter or receiver may see, by modality: ``image`` ([height, width, 3],
            numpy.uint8), ``text`` or ``question`` (str), ``audio`` ([num_samples], numpy.float32 in
            -1...1, at the data set's ``sampling_rate``), ``video`` ([num_frames, height, width, 3],
            numpy.uint8), ``choices`` (tuple of str).
        references: answers, captions, transcripts or labels; the first is the one to train on.
        family: kind of question, subtask or category; empty where there is none.
        extra: what a metric needs besides (ten human answers, a scene graph, a judge's key).
    """

    id: str
    cluster: int
    inputs: Mapping[str, Any]
    references: tuple[str, ...]
    family: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Skipped:
    """An entry that was left out.

    Args:
        where: file, and line or key.
        why: what is wrong with it.
    """

    where: str
    why: str


class Dataset(Sequence[Sample], ABC):
    """Samples that are read when they are asked for.

    A subclass indexes its files when it is built (cheap: annotation files only) and reads images,
    audio and video in :meth:`read`. Indexing finds missing files; a damaged one shows when it is
    read, and is then refused by name.

    Args:
        on_error: "refuse" raises a `ValueError` that names the broken or missing entry; "skip"
            leaves it out, and :attr:`skipped` tells.
    """

    name: str = ""
    """As in scenario files."""

    split: str = ""
    """Which part of the data set."""

    sampling_rate: int | None = None
    """Of audio, Hz; `None` without audio."""

    def __init__(self, *, on_error: OnError = "refuse") -> None:
        self.on_error = check_choice("on_error", on_error, ("refuse", "skip"))
        self.skipped: list[Skipped] = []

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def read(self, index: int) -> Sample:
        """Return a sample, ``0 <= index < len(self)``."""

    def references_of(self, index: int) -> tuple[tuple[str, ...], str]:
        """Return the references and the family of a sample without reading its media.

        Subclasses whose media are slow to read override it.
        """
        sample = self.read(index)
        return sample.references, sample.family

    def cluster_of(self, index: int) -> int:
        """Return the cluster of a sample without reading its media; overridden like :meth:`references_of`."""
        return self.read(index).cluster

    def __getitem__(self, index: Any) -> Any:
        """Return a sample, or a list of samples for a slice."""
        if isinstance(index, slice):
            return [self.read(i) for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.name}: sample {index} of {len(self)}")
        return self.read(index % len(self))

    def __iter__(self) -> Iterator[Sample]:
        """Read the samples one after the other."""
        return (self.read(i) for i in range(len(self)))

    def answers(self) -> Mapping[str, Counter[str]]:
        """Count the first references by family."""
        counts: dict[str, Counter[str]] = {}
        for index in range(len(self)):
            references, family = self.references_of(index)
            counts.setdefault(family, Counter())[references[0]] += 1
        return counts

    def broken(self, where: str, why: str) -> None:
        """Refuse a broken entry, or note that it is left out.

        Raises:
            ValueError: naming it, if ``on_error`` is "refuse".
        """
        if self.on_error == "refuse":
            raise ValueError(f"{self.name}: {where}: {why}; mend it, or set on_error: skip")
        self.skipped.append(Skipped(where, why))


class ListDataset(Dataset):
    """A data set of ready samples, such as one that was made by a program.

    Args:
        name: as in scenario files.
        samples: all of them.
        split: which part.
        sampling_rate: of audio, Hz.
    """

    def __init__(
        self, *, name: str, samples: Sequence[Sample], split: str = "", sampling_rate: int | None = None
    ) -> None:
        super().__init__()
        self.name, self.split, self.sampling_rate = name, split, sampling_rate
        self._samples = samples

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._samples)

    def read(self, index: int) -> Sample:
        """Return a sample."""
        return self._samples[index]


class Mapped(Dataset):
    """Another data set's samples, changed one by one as they are read.

    Args:
        base: the other data set.
        change: from sample to sample.
    """

    def __init__(self, base: Dataset, change: Callable[[Sample], Sample]) -> None:
        super().__init__(on_error=base.on_error)
        self.base, self.change = base, change
        self.name, self.split, self.sampling_rate = base.name, base.split, base.sampling_rate
        self.skipped = base.skipped

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.base)

    def read(self, index: int) -> Sample:
        """Return a changed sample."""
        return self.change(self.base.read(index))
