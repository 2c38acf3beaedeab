"""One scheme at one point: what has been asked for, what is finished, what is read."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import RefusedInputError, RunError
from .journal import Journal, Row, Tally
from .messages import Description, Failure, Reply
from .plan import Plan, Point
from .stop import Reader
from .versions import computing_versions


class Unit:
    """The state of one scheme at one point.

    Args:
        plan: the scenario.
        scheme: name of the scheme.
        point: the point.
        journal: of the run; holds the batches that are finished already.
    """

    def __init__(self, plan: Plan, scheme: str, point: Point, journal: Journal) -> None:
        self.plan, self.scheme, self.point, self.journal = plan, scheme, point, journal
        self.build_key = point.scenario.build_key(scheme)
        self.key = unit_key(plan, point, self.build_key)
        self.batches: dict[int, Tally] = journal.tallies(self.key)
        """Finished batches that have not been read."""
        self.num_resumed = len(self.batches)
        self.snr_db = next((tally.snr_db for tally in self.batches.values()), math.nan)
        self.seconds = sum(tally.seconds for tally in self.batches.values())
        self.pending: set[int] = set()
        self.failures: dict[int, Failure] = {}
        self.reader: Reader | None = None

    def __str__(self) -> str:
        """Name the scheme and the point, for messages."""
        return f"scheme {self.scheme!r}" + point_text(self.point.values)

    @property
    def done(self) -> bool:
        """Whether the stop rule has ended this unit."""
        return self.reader is not None and self.reader.stopped_by is not None

    @property
    def num_read(self) -> int:
        """Batches counted so far."""
        return self.reader.read if self.reader else 0

    @property
    def num_errors(self) -> int:
        """Block errors counted so far."""
        return self.reader.num_errors if self.reader else 0

    def ended(self) -> Reader:
        """Return the reader of a unit that has one.

        Raises:
            RunError: if nothing of it has been run.
        """
        if self.reader is None:
            raise RunError(f"{self}: was never run")
        return self.reader

    def describe(self, description: Description) -> None:
        """Take note of what the task is, and read what the journal has."""
        if self.reader is None:
            self.reader = Reader(self.plan.stop, description, self._load)
            self.read()

    def _load(self, start: int, stop: int) -> list[dict[str, Any]]:
        return self.journal.columns(self.key, start, stop)

    def take(self, reply: Reply, requested: Iterable[int]) -> None:
        """Take note of a reply whose batches are in the journal, and read on.

        Raises:
            RunError: if the task could not be built, or if a batch that the stop rule needs failed.
        """
        self.pending.difference_update(requested)
        if math.isnan(self.snr_db):
            self.snr_db = reply.snr_db
        for batch in reply.batches:
            self.seconds += batch.seconds
            tally = Tally(batch.num_items, batch.num_errors, reply.snr_db, batch.seconds)
            self.batches.setdefault(batch.index, tally)
        if reply.failure is not None:
            if reply.failure.index is None:
                raise self._error("could not be built", reply.failure)
            self.failures[reply.failure.index] = reply.failure
        if reply.description is not None:
            self.describe(reply.description)
        self.read()

    def rows(self, reply: Reply) -> list[Row]:
        """Return the batches of a reply as the journal holds them."""
        where = self.scheme, f"{self.point.hash:016x}", reply.snr_db
        return [
            (self.key, b.index, *where, b.num_items, b.num_errors, b.seconds, b.data)
            for b in reply.batches
        ]

    def read(self) -> None:
        """Read finished batches in order; a failure counts only where the stop rule gets to it."""
        if self.reader is None:
            return
        self.reader.advance(self.batches)
        if not self.done and self.reader.read in self.failures:
            index = self.reader.read
            raise self._error(f"failed in batch {index}", self.failures[index])

    def _error(self, what: str, failure: Failure) -> RunError:
        kind = RefusedInputError if failure.refused else RunError
        error = kind(f"{self}: {what}: {failure.message}")
        error.add_note(f"In the worker:\n{failure.traceback}")
        return error

    def available(self) -> int:
        """Return how many more batches it makes sense to ask for now."""
        if self.reader is None:
            return 0 if self.pending or self.batches else 1
        start = self.reader.read
        stop = min(start + self.reader.worthwhile(), self._limit())
        return stop - start - sum(i < stop for i in self.pending) - sum(i < stop for i in self.batches)

    def next_batches(self, count: int) -> range:
        """Reserve up to ``count`` successive batches that nobody has run yet; at least one."""
        start = self.reader.read if self.reader else 0
        while self._taken(start):
            start += 1
        stop = start + 1
        while stop < min(start + count, self._limit()) and not self._taken(stop):
            stop += 1
        self.pending.update(range(start, stop))
        return range(start, stop)

    def _taken(self, index: int) -> bool:
        return index in self.batches or index in self.pending

    def _limit(self) -> int:
        """Return the batch before which to stop asking: none is needed past one that failed."""
        limit = self.reader.limit if self.reader else 1
        return min([limit, *self.failures])


def point_text(values: Mapping[str, Any]) -> str:
    """Return `` at path=value, ...`` for messages; empty for a scenario without a sweep."""
    return " at " + ", ".join(f"{k}={v}" for k, v in values.items()) if values else ""


def unit_key(plan: Plan, point: Point, build_key: str) -> str:
    """Return the hash of all that the numbers of a unit's batches depend on.

    Not in it: names, other points and schemes, and when to stop; so a scenario can grow without
    losing what it has. The versions of the packages that compute are in it: batches of two versions
    never meet in one result.
    """
    parts = {
        "build": build_key,
        "snr_db": point.scenario.snr_db,
        "ebno_db": point.scenario.ebno_db,
        "point": point.hash,
        "seed": plan.seed,
        "batch_size": plan.stop.batch_size,
        "threads": plan.threads_per_worker,
        "versions": computing_versions(),
    }
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()
