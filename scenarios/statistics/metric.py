"""What a scenario measures: per-item columns in, one value with an interval out.

Columns are numpy arrays [num_items] of outcomes or sufficient statistics, never rates, so that
batches add up whatever their number. Under error-count stopping the columns end with the item of
the target error. That item was bound to be an error, so it is left out of the value: the mean of
the first n - 1 items is unbiased, and for block errors it is the textbook (k - 1)/(n - 1)
(Haldane, "On a method of estimating frequencies", Biometrika 33, 1945).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Estimate:
    """One value of a metric.

    Args:
        value: point estimate, in the metric's unit; NaN if nothing was simulated.
        low: lower end of the interval.
        high: upper end of the interval.
        count: events or the sum that the value comes from (errors, bit errors, sum of PSNR).
        total: trials that ``count`` is out of (blocks, bits, items).
    """

    value: float
    low: float
    high: float
    count: float
    total: float


@dataclass(frozen=True, kw_only=True)
class Metric(ABC):
    """A named quantity and how it is estimated from columns.

    Args:
        name: as in result files.
        unit: of the value; empty for a pure number.
        scale: axis on which it is read, "log" or "linear".
        better: whether a "low" or a "high" value is better.
    """

    name: str
    unit: str = ""
    scale: Literal["log", "linear"] = "linear"
    better: Literal["low", "high"] = "high"

    @abstractmethod
    def terms(self, columns: Columns) -> np.ndarray:
        """Return what is summed over items: [num_items, num_terms], float64."""

    @abstractmethod
    def value(self, sums: np.ndarray) -> np.ndarray:
        """Turn sums of :meth:`terms` over items, [..., num_terms], into values [...]."""

    @abstractmethod
    def estimate(self, columns: Columns, stopped_by_errors: bool = False, level: float = 0.95) -> Estimate:
        """Estimate the metric with its two-sided interval.

        Args:
            columns: arrays [num_items].
            stopped_by_errors: the items were drawn until a target number of block errors, and
                end with the last of these.
            level: coverage of the interval.
        """


class SetMetric(Metric):
    """A statistic of a set of items that is no function of sums over them, such as a distance between distributions."""

    @abstractmethod
    def difference(self, a: Columns, b: Columns, level: float = 0.95) -> tuple[float, float, float]:
        """Return value, low and high of the difference a minus b over common items.

        Args:
            a: columns of the first scheme, [num_items] each.
            b: columns of the second, of the same items in the same order.
            level: coverage.
        """

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Refuse.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"metric: {self.name!r} is a statistic of a set of items, and no function of sums over them")
