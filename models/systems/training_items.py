"""Which samples the items of a training have, read once and kept in memory up to a bound."""

import dataclasses
import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ...linklevel.validation import check_range
from ..training.order import permutation

MAX_BYTES = 1 << 30
"""What is kept in memory of a data set, in bytes of its pickled samples."""

GROUP = 5
"""First element of the spawn key of draws from a cluster; see ``training.randomness``."""


class TrainingItems:
    """The items of a data set in an order without end: every epoch is one permutation of them.

    An item is a sample; with ``group`` it is a cluster (an image with its questions), of which at most so many
    samples are drawn without replacement, others in every epoch. What an item holds follows from the seed and its
    number alone, so that a training that is resumed goes on with the same samples.

    Args:
        data: the samples; those of a cluster follow each other for speed only.
        group: most samples of a cluster at a time; `None` for single samples.
        seed: of the order and of the draws.
        max_bytes: of samples kept in memory; those that don't fit are read anew each time.

    Raises:
        ValueError: for an empty data set, or a group below 1.
    """

    def __init__(
        self, data: Sequence[Any], *, group: int | None = None, seed: int = 0, max_bytes: int = MAX_BYTES
    ) -> None:
        if not len(data):
            raise ValueError(f"data: {getattr(data, 'name', 'the data set')!r} has no samples to train on")
        self._data, self.seed = data, seed
        self.group = None if group is None else check_range("group", group, 1, 2**20, integer=True)
        self._clusters = clusters(data) if group is not None else None
        self._left = max_bytes
        self._kept: dict[int, list[Any]] = {}

    def __len__(self) -> int:
        """Return the number of items in an epoch."""
        return len(self._data) if self._clusters is None else len(self._clusters)

    def samples(self, numbers: Iterable[int]) -> list[Any]:
        """Return the samples of items that are counted from 0 without end.

        The samples of an item have its place in the list of numbers as their cluster.
        """
        found = []
        for place, number in enumerate(numbers):
            epoch, within = divmod(int(number), len(self))
            item = int(permutation(self.seed, "items", epoch, len(self))[within])
            found += [dataclasses.replace(sample, cluster=place) for sample in self._drawn(item, epoch)]
        return found

    def spread(self, count: int, size: int) -> Iterator[list[Any]]:
        """Yield the samples of items that are evenly spread over the data set, as the first epoch has them.

        Args:
            count: most items.
            size: most items of a batch.
        """
        places = evenly(len(self), count)
        for start in range(0, len(places), size):
            drawn = [self._drawn(item, 0) for item in places[start : start + size]]
            yield [dataclasses.replace(sample, cluster=place) for place, own in enumerate(drawn) for sample in own]

    def _drawn(self, item: int, epoch: int) -> list[Any]:
        """Return the samples that an epoch takes of an item."""
        if self._clusters is None or self.group is None:
            return self._read(item, [item], [0])
        members = self._clusters[item]
        chosen = list(range(len(members)))
        if len(members) > self.group:
            sequence = np.random.SeedSequence(self.seed, spawn_key=(GROUP, epoch, item))
            chosen = sorted(np.random.default_rng(sequence).permutation(len(members))[: self.group].tolist())
        return self._read(item, members, chosen)

    def _read(self, item: int, members: Sequence[int], chosen: Sequence[int]) -> list[Any]:
        """Return some samples of an item; all of them are kept where there is room."""
        if item in self._kept:
            return [self._kept[item][place] for place in chosen]
        if self._left <= 0:
            return [self._data[members[place]] for place in chosen]
        samples = one_of_each([self._data[member] for member in members])
        size = len(pickle.dumps(samples, protocol=pickle.HIGHEST_PROTOCOL))
        self._left -= size
        if self._left >= 0:
            self._kept[item] = samples
        return [samples[place] for place in chosen]


class ItemsInTurn:
    """The items of several data sets, which batches take in turn: each batch is of one data set.

    Batches are told apart by their first number: a training of which every batch is split, over processes or by
    accumulation, takes the data sets in turn by these parts.

    Args:
        several: items of each data set.
    """

    def __init__(self, several: Sequence[TrainingItems]) -> None:
        self._several = tuple(several)

    def samples(self, numbers: Iterable[int]) -> list[Any]:
        """Return the samples of a batch of items; see :meth:`TrainingItems.samples`."""
        wanted = np.asarray(list(numbers), np.int64)
        batch, count = int(wanted[0]) // len(wanted), len(self._several)
        before = (batch - batch // count) * len(wanted)  # items that other data sets had
        return self._several[batch % count].samples(wanted - before)

    def spread(self, count: int, size: int) -> Iterator[list[Any]]:
        """Yield batches of the data sets one after the other; see :meth:`TrainingItems.spread`."""
        for items in self._several:
            yield from items.spread(count // len(self._several), size)


def clusters(data: Sequence[Any]) -> list[list[int]]:
    """Return the numbers of the samples of each cluster, in order of first appearance."""
    cluster_of = getattr(data, "cluster_of", None) or (lambda number: data[number].cluster)
    found: dict[int, list[int]] = {}
    for number in range(len(data)):
        found.setdefault(cluster_of(number), []).append(number)
    return list(found.values())


def evenly(total: int, count: int) -> list[int]:
    """Return at most ``count`` numbers below ``total``, evenly spread.

    Example:
        >>> evenly(10, 4)
        [0, 2, 5, 7]
    """
    count = min(total, count)
    return [place * total // count for place in range(count)]


def one_of_each(samples: Sequence[Any]) -> list[Any]:
    """Return samples that share equal arrays, such as the image of several questions."""
    first: dict[str, Any] = {}
    shared = []
    for sample in samples:
        inputs = dict(sample.inputs)
        for name, value in inputs.items():
            if isinstance(value, np.ndarray):
                seen = first.setdefault(name, value)
                inputs[name] = seen if np.array_equal(seen, value) else value
        shared.append(dataclasses.replace(sample, inputs=inputs))
    return shared
