"""The kinds of metrics: rates, ratios, means, and functions of sums."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .binomial import Interval, clopper_pearson, inverse_binomial, wilson
from .blocks import block_interval, check_columns
from .bootstrap import cluster_bootstrap, cluster_sums
from .metric import Columns, Estimate, Metric

__all__ = ["Columns", "Estimate", "MeanMetric", "Metric", "RateMetric", "RatioMetric", "SumMetric"]


@dataclass(frozen=True, kw_only=True)
class RateMetric(Metric):
    """Share of items with an outcome: block error rate, accuracy.

    Independent items get the Clopper-Pearson or Wilson interval, inverse binomial sampling its
    own; items that share a ``cluster`` get a cluster bootstrap.

    Args:
        column: of outcomes 0 or 1.
        method: "exact" (Clopper-Pearson) or "wilson".

    Example:
        >>> bler = RateMetric(name="bler", column="block_error", scale="log", better="low")
        >>> bler.estimate({"block_error": np.array([0, 1, 0, 0])}).value
        0.25
    """

    column: str
    method: Literal["exact", "wilson"] = "exact"

    def terms(self, columns: Columns) -> np.ndarray:
        """Return outcomes and ones, [num_items, 2]."""
        outcome = _column(columns, self.column)
        if not np.isin(outcome, (0, 1)).all():
            raise ValueError(f"{self.column}: outcomes of metric {self.name!r} must be 0 or 1")
        return np.stack([outcome, np.ones_like(outcome)], axis=-1)

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Return the rate."""
        return _divide(sums[..., 0], sums[..., 1])

    def estimate(self, columns: Columns, stopped_by_errors: bool = False, level: float = 0.95) -> Estimate:
        """Estimate the rate; see :meth:`Metric.estimate`."""
        terms = self.terms(columns)
        count, total = (int(x) for x in terms.sum(axis=0))
        if stopped_by_errors and count >= 2 and terms[-1, 0] == 1:
            return Estimate(*inverse_binomial(count, total, level), count, total)
        if stopped_by_errors:
            terms = terms[:-1]
            count, total = (int(x) for x in terms.sum(axis=0))
        low, high = self._interval(count, total, terms, columns.get("cluster"), level)
        return Estimate(count / total if total else math.nan, low, high, count, total)

    def _interval(
        self, count: int, total: int, terms: np.ndarray, clusters: np.ndarray | None, level: float
    ) -> Interval:
        if clusters is not None and total:
            sums = cluster_sums(terms, clusters[:total])
            if 0 < count < total:
                return cluster_bootstrap(sums, self.value, level)
            # all alike: as many independent trials as there are clusters
            count, total = count * len(sums) // total, len(sums)
        return (clopper_pearson if self.method == "exact" else wilson)(count, total, level)


@dataclass(frozen=True, kw_only=True)
class RatioMetric(Metric):
    """Ratio of two sums over independent blocks: bit error rate, goodput.

    See :func:`~tokencom.scenarios.statistics.blocks.block_interval`.

    Args:
        numerator: column, such as the bit errors of each block.
        denominator: column, such as its bits.
        worst: largest expected ratio of one block, or the column of the largest numerators: what
            bounds the upper limit while the numerator is zero. 0.5 for bit errors.
    """

    numerator: str
    denominator: str
    worst: float | str = 0.5

    def terms(self, columns: Columns) -> np.ndarray:
        """Return both columns, [num_items, 2]."""
        pair = check_columns(_column(columns, self.numerator), _column(columns, self.denominator))
        return np.stack(pair, axis=-1)

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Return the ratio."""
        return _divide(sums[..., 0], sums[..., 1])

    def estimate(self, columns: Columns, stopped_by_errors: bool = False, level: float = 0.95) -> Estimate:
        """Estimate the ratio; see :meth:`Metric.estimate`."""
        terms = self.terms(columns)
        low, high = block_interval(
            terms[:, 0], terms[:, 1], worst=self._worst(columns, terms[:, 1]), level=level,
            stopped_by_errors=stopped_by_errors,
        )
        used = terms[:-1] if stopped_by_errors else terms
        return Estimate(float(self.value(used.sum(axis=0))), low, high, *map(float, terms.sum(axis=0)))

    def _worst(self, columns: Columns, denominator: np.ndarray) -> float:
        if not isinstance(self.worst, str):
            return self.worst
        return float(np.max(_divide(_column(columns, self.worst), denominator), initial=0.0))


@dataclass(frozen=True, kw_only=True)
class SumMetric(Metric):
    """Any function of sums over items, with a cluster bootstrap: corpus BLEU, word error rate.

    Args:
        columns: what is summed.
        function: turns sums [..., num_columns] into values [...]; of module level, so that it can
            be sent between processes.
    """

    columns: tuple[str, ...]
    function: Callable[[np.ndarray], np.ndarray]

    def terms(self, columns: Columns) -> np.ndarray:
        """Return the columns, [num_items, num_columns]."""
        return np.stack([_column(columns, name) for name in self.columns], axis=-1)

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Return the function of the sums."""
        return self.function(sums)

    def estimate(self, columns: Columns, stopped_by_errors: bool = False, level: float = 0.95) -> Estimate:
        """Estimate the function; ``count`` and ``total`` are items. See :meth:`Metric.estimate`."""
        value, low, high, _, items = _bootstrap(self, columns, stopped_by_errors, level)
        return Estimate(value, low, high, items, items)


@dataclass(frozen=True, kw_only=True)
class MeanMetric(Metric):
    """Mean of a column over items, with a cluster bootstrap: PSNR, MS-SSIM, channel uses.

    Args:
        column: what is averaged; finite.
    """

    column: str

    def terms(self, columns: Columns) -> np.ndarray:
        """Return the column and ones, [num_items, 2]."""
        values = _column(columns, self.column)
        return np.stack([values, np.ones_like(values)], axis=-1)

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Return the mean."""
        return _divide(sums[..., 0], sums[..., 1])

    def estimate(self, columns: Columns, stopped_by_errors: bool = False, level: float = 0.95) -> Estimate:
        """Estimate the mean; ``count`` is the sum. See :meth:`Metric.estimate`."""
        value, low, high, sums, items = _bootstrap(self, columns, stopped_by_errors, level)
        return Estimate(value, low, high, float(sums[0]), items)


def _bootstrap(
    metric: Metric, columns: Columns, stopped_by_errors: bool, level: float
) -> tuple[float, float, float, np.ndarray, float]:
    """Return value, low, high, the sums, and the number of items."""
    terms, clusters = metric.terms(columns), columns.get("cluster")
    if stopped_by_errors:
        terms, clusters = terms[:-1], None if clusters is None else clusters[:-1]
    sums = terms.sum(axis=0)
    if not len(terms):
        return math.nan, math.nan, math.nan, sums, 0.0
    low, high = cluster_bootstrap(cluster_sums(terms, clusters), metric.value, level)
    return float(metric.value(sums)), low, high, sums, float(len(terms))


def _column(columns: Columns, name: str) -> np.ndarray:
    """Return a column as float64; a ValueError names what there is or what is not finite."""
    if name not in columns:
        raise ValueError(f"columns: {name!r} is missing; there are: {', '.join(columns) or 'none'}")
    column = np.asarray(columns[name], np.float64)
    if not np.isfinite(column).all():
        bad = int((~np.isfinite(column)).sum())
        raise ValueError(f"columns: {name!r} holds {bad} values that are NaN or infinite")
    return column


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Divide; 0/0 is NaN, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(a) / np.asarray(b)
