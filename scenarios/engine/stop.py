"""The stop rule. It reads batches in order, so it does not matter who ran them, or when."""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from .columns import concatenate
from .errors import RunError
from .journal import Tally
from .messages import Description
from .plan import Stop

Reason = Literal["num_items", "num_target_block_errors", "target_relative_width", "max_mc_iter"]
GROWTH = 1.125
"""The width of the interval is looked at when the batches have grown by this factor."""


class Reader:
    """Reads the batches of one scheme at one point in order, and says when there are enough.

    Batches that were run ahead of the one that ends the point are kept in the journal, but never
    counted. A data-set task ends with its last item, whatever the errors.

    Args:
        stop: the scenario's stop rule.
        description: of the task.
        load: returns the columns of batches [start, stop) of this unit.

    Raises:
        RunError: if the rule asks for an error column or a metric that the task has not.
    """

    def __init__(
        self, stop: Stop, description: Description, load: Callable[[int, int], list[dict[str, Any]]]
    ) -> None:
        self.read = 0
        self.num_items = 0
        self.num_errors = 0
        self.stopped_by: Reason | None = None
        self._load = load
        self.description = description
        self._look = 1
        self._width = math.inf
        size = description.num_items
        fixed = size is not None
        self.limit = stop.max_mc_iter if size is None else -(-size // stop.batch_size)
        self._last: Reason = "num_items" if fixed else "max_mc_iter"
        self.target = None if fixed else stop.num_target_block_errors
        self._target_width = None if fixed else stop.target_relative_width
        self._error_column, self._stop_metric = description.error_column or "", description.stop_metric or ""
        if self.limit < 1:
            raise RunError("task: it has no items, so there is nothing to run")
        if self.target is not None and not self._error_column:
            raise RunError("stop.num_target_block_errors: the task counts no block errors; use max_mc_iter")
        if self._target_width is not None and not self._stop_metric:
            raise RunError("stop.target_relative_width: the task names no metric for it; use max_mc_iter")

    def advance(self, batches: dict[int, Tally]) -> None:
        """Read, and take out, the finished ``batches`` as far as they go without a gap."""
        while self.stopped_by is None and self.read in batches:
            tally = batches.pop(self.read)
            self.read += 1
            self.num_items += tally.num_items
            self.num_errors += tally.num_errors
            self.stopped_by = self._decide()

    def _decide(self) -> Reason | None:
        if self.target is not None and self.num_errors >= self.target:
            return "num_target_block_errors"
        if self._target_width is not None and self.read >= min(self._look, self.limit):
            self._look = max(self.read + 1, int(self.read * GROWTH))
            self._width = self._relative_width()
            if self._width <= self._target_width:
                return "target_relative_width"
        return self._last if self.read >= self.limit else None

    def _relative_width(self) -> float:
        metric, _ = self.description.metrics[self._stop_metric]
        estimate = metric.estimate(concatenate(self._load(0, self.read)))
        return (estimate.high - estimate.low) / estimate.value if estimate.value > 0 else math.inf

    def counted(self) -> dict[str, np.ndarray]:
        """Return the columns of the items that count, once stopped.

        Inverse sampling ends with the item of the target error, not with its batch.
        """
        columns = concatenate(self._load(0, self.read))
        if self.target is None or self.stopped_by != "num_target_block_errors":
            return columns
        last = int(np.flatnonzero(columns[self._error_column])[self.target - 1])
        return {name: column[: last + 1] for name, column in columns.items()}

    def expected(self) -> int:
        """Return about how many batches are still to be read, from the errors so far; 0 once stopped."""
        if self.stopped_by is not None:
            return 0
        need = most = self.limit - self.read
        if self.target is not None and self.num_errors:
            need = math.ceil((self.target - self.num_errors) * self.read / self.num_errors)
        elif self._target_width is not None and math.isfinite(self._width):
            need = math.ceil(self.read * ((self._width / self._target_width) ** 2 - 1))
        return max(1, min(need, most))

    def worthwhile(self) -> int:
        """Return how many batches beyond those read may be run ahead: no more than are likely needed.

        While a rule may end the point early, as many as were read already.
        """
        expected = self.expected()
        early = self.target is not None or self._target_width is not None
        return min(expected, max(self.read, 1)) if early else expected
