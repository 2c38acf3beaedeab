"""Deals batches to an executor, keeps what comes back, and stops when every unit is done."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import NamedTuple

from .errors import RunError
from .journal import Journal
from .messages import Chunk, Description, Reply
from .plan import Plan
from .progress import Hook, Progress
from .remote import run_chunk
from .unit import Unit

CHUNK_SECONDS = 0.2
"""Batches that together take about this long are sent together, so that dealing costs little."""

MAX_CHUNK = 64
REPORT_SECONDS = 0.1
GUARD = 'the guard `if __name__ == "__main__":`'
LOOK_AHEAD = 2
"""Chunks per worker: one that it runs, one that waits for it."""


class Order(NamedTuple):
    """A chunk under way."""

    unit: Unit
    batches: range


class Coordinator:
    """Runs units to their end. What it deals to whom changes the time taken, never a result.

    Units are worked on in order, a few at a time, those that share a task and a link next to each
    other, so that workers build rarely. While several units are open, none is run ahead of what
    its stop rule is likely to need.

    Args:
        plan: the scenario.
        units: in order.
        journal: of the run.
        executor: with one-threaded workers.
        slots: batches that it runs at once.
        restart: returns a fresh executor after a worker has died, or `None` if the executor
            belongs to the user.
        hook: called with the progress.
    """

    def __init__(
        self,
        plan: Plan,
        units: Sequence[Unit],
        journal: Journal,
        executor: Executor,
        slots: int,
        restart: Callable[[], Executor] | None = None,
        hook: Hook | None = None,
    ) -> None:
        self.units = list(units)
        self._journal = journal
        self.executor = executor
        self._open = list(units)
        self._slots = slots
        self._restart = restart
        self._hook = hook
        self._plan_type, self._text = type(plan), plan.model_dump_json()
        self._orders: dict[Future, Order] = {}
        self._suspects: list[Order] = []
        self._known: dict[str, Description] = {}
        self._seconds: dict[str, float] = {}
        self._started = self._reported = time.monotonic()

    def run(self) -> None:
        """Run until the stop rule has ended every unit.

        Raises:
            RunError: if a batch that is needed fails, or workers keep dying.
        """
        self._report()
        while self._open:
            self._deal()
            done, _ = wait(self._orders, timeout=1.0, return_when=FIRST_COMPLETED)
            self._collect(done)
            self._open = [unit for unit in self._open if not unit.done]
            if not self._open or time.monotonic() - self._reported > REPORT_SECONDS:
                self._report()

    def keep_finished(self) -> None:
        """Write to the journal what has come back but was not looked at yet; drop the rest."""
        orders, self._orders = self._orders, {}
        for future in orders:
            future.cancel()
        ready = [f for f in orders if f.done() and not f.cancelled() and f.exception() is None]
        self._journal.append(row for f in ready for row in orders[f].unit.rows(f.result()))

    def _deal(self) -> None:
        while not self._suspects and len(self._orders) < LOOK_AHEAD * self._slots:
            unit = self._choose()
            if unit is None:
                return
            self._submit(Order(unit, unit.next_batches(self._chunk_size(unit))))
        if self._suspects and not self._orders:
            order = self._suspects[0]
            order.unit.pending.update(order.batches)
            self._submit(order)

    def _choose(self) -> Unit | None:
        """Return the unit to deal from: an idle one if there is any, else the first with work."""
        window = self._open[: LOOK_AHEAD * self._slots]
        self._describe(window)
        ready = [unit for unit in window if unit.available() > 0]
        return next((unit for unit in ready if not unit.pending), ready[0] if ready else None)

    def _describe(self, window: list[Unit]) -> None:
        """Describe each task and link once; a unit with finished batches runs none for it."""
        asked = {order.unit.build_key for order in self._orders.values()}
        for unit in window:
            if unit.reader is not None:
                continue
            if unit.build_key in self._known:
                unit.describe(self._known[unit.build_key])
            elif unit.batches and unit.build_key not in asked:
                asked.add(unit.build_key)
                self._submit(Order(unit, range(0)))

    def _chunk_size(self, unit: Unit) -> int:
        seconds = self._seconds.get(unit.build_key)
        if seconds is None:
            return 1
        fair = -(-unit.available() // self._slots)
        return max(1, min(int(CHUNK_SECONDS / max(seconds, 1e-6)), fair, MAX_CHUNK))

    def _submit(self, order: Order) -> None:
        unit, batches = order
        chunk = Chunk(
            self._plan_type, self._text, unit.scheme, unit.point.hash,
            start=batches.start, count=len(batches), describe=unit.reader is None,
        )
        try:
            self._orders[self.executor.submit(run_chunk, chunk)] = order
        except BrokenExecutor:
            self._recover([order])

    def _collect(self, done: set[Future]) -> None:
        """Write what came back in one transaction, then read on."""
        replies: list[tuple[Order, Reply]] = []
        broken: list[Order] = []
        errors: list[tuple[Order, BaseException]] = []
        for future in [future for future in self._orders if future in done]:
            order = self._orders.pop(future)
            error = CancelledError() if future.cancelled() else future.exception()
            if error is None:
                replies.append((order, future.result()))
            elif isinstance(error, BrokenExecutor):
                broken.append(order)
            else:
                errors.append((order, error))
        self._journal.append(row for order, reply in replies for row in order.unit.rows(reply))
        for order, reply in replies:
            self._note(order, reply)
        if errors:
            order, error = errors[0]
            text = f"{_name(order)}: the executor failed: {type(error).__name__}: {error}"
            raise RunError(text) from error
        if broken:
            self._recover(broken)
        self._suspects = [order for order in self._suspects if not order.unit.done]

    def _note(self, order: Order, reply: Reply) -> None:
        unit = order.unit
        if reply.batches:
            self._seconds[unit.build_key] = min(batch.seconds for batch in reply.batches)
        if order in self._suspects:
            self._suspects.remove(order)
        unit.take(reply, order.batches)
        if reply.description is not None:
            self._known[unit.build_key] = reply.description

    def _recover(self, orders: list[Order]) -> None:
        """Start new workers once, and give them the lost chunks one at a time to find the culprit."""
        lost = [*orders, *self._orders.values()]
        self._orders.clear()
        if self._restart is None:
            raise RunError(self._obituary(lost))
        self.executor, self._restart = self._restart(), None
        for unit, batches in lost:
            unit.pending.difference_update(batches)
            singles = [range(i, i + 1) for i in batches] or [batches]
            self._suspects += [Order(unit, single) for single in singles]

    def _obituary(self, lost: list[Order]) -> str:
        if not self._known:
            return f"worker processes died as they started; a script that runs a scenario needs {GUARD}"
        names = "; ".join(dict.fromkeys(map(_name, lost)))
        return (
            f"a worker process died while it ran {names}. Out of memory is the usual cause: fewer workers"
            " or a smaller batch_size need less. Finished batches are kept, and the same run goes on from"
            " there"
        )

    def _report(self) -> None:
        self._reported = time.monotonic()
        if self._hook is None:
            return
        left = self._batches_left()
        self._hook(
            Progress(
                points_done=len(self.units) - len(self._open),
                points_total=len(self.units),
                batches_done=sum(unit.num_read for unit in self.units),
                batches_left=sum(left.values()),
                errors=sum(unit.num_errors for unit in self.units),
                seconds=self._reported - self._started,
                seconds_left=self._seconds_left(left),
                working_on=str(self._open[0]) if self._open else "",
            )
        )

    def _batches_left(self) -> Counter[str]:
        """Return the batches still expected, by task and link; units not begun are taken as average."""
        known = [unit.reader for unit in self.units if unit.reader is not None]
        mean = -(-sum(r.read + r.expected() for r in known) // len(known)) if known else 1
        left: Counter[str] = Counter()
        for unit in self._open:
            left[unit.build_key] += unit.reader.expected() if unit.reader else mean
        return left

    def _seconds_left(self, left: Counter[str]) -> float | None:
        if not self._seconds:
            return None
        typical = sum(self._seconds.values()) / len(self._seconds)
        return sum(count * self._seconds.get(key, typical) for key, count in left.items()) / self._slots


def _name(order: Order) -> str:
    unit, batches = order
    if not batches:
        return f"{unit}"
    last = f" to {batches[-1]}" if len(batches) > 1 else ""
    return f"{unit}, batch {batches[0]}{last}"
