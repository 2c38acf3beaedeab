"""Metrics over some of the items, and over groups of items that count only if all are right."""

import math
from dataclasses import dataclass

import numpy as np

from ..statistics.bootstrap import cluster_bootstrap, cluster_sums
from ..statistics.metric import Columns, Estimate, Metric


@dataclass(frozen=True, kw_only=True)
class SelectedMean(Metric):
    """Mean of a column over the items of one kind, with a cluster bootstrap: accuracy of a question family.

    Args:
        column: what is averaged.
        selector: column that tells the kind of an item, such as "family".
        selected: the kind, as the number in that column; all items if `None`.
        factor: the mean is multiplied by it; 100 for percent.
    """

    column: str
    selector: str = "family"
    selected: int | None = None
    factor: float = 1.0

    def terms(self, columns: Columns) -> np.ndarray:
        """Return the column and ones, zero for items of another kind: [num_items, 2]."""
        values = np.asarray(columns[self.column], np.float64)
        return np.stack([values, np.ones_like(values)], axis=-1) * self._chosen(columns)[:, None]

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Return the mean; NaN if there is no item of the kind."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.factor * sums[..., 0] / sums[..., 1])

    def estimate(self, columns: Columns, stopped_by_errors: bool = False, level: float = 0.95) -> Estimate:
        """Estimate the mean; data-set tasks are never stopped by errors. See :meth:`Metric.estimate`."""
        terms, clusters = self.terms(columns), columns.get("cluster")
        kept = terms[:, 1] > 0
        if not kept.any():
            return Estimate(math.nan, math.nan, math.nan, 0.0, 0.0)
        sums = cluster_sums(terms[kept], None if clusters is None else np.asarray(clusters)[kept])
        total = sums.sum(axis=0)
        return Estimate(float(self.value(total)), *cluster_bootstrap(sums, self.value, level), *map(float, total))

    def _chosen(self, columns: Columns) -> np.ndarray:
        if self.selected is None:
            return np.ones(len(columns[self.column]))
        return (np.asarray(columns[self.selector]) == self.selected).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class GroupMetric(SelectedMean):
    """Share of groups whose items are all right: circular evaluation, accuracy+.

    Items of one group have the same number in the column ``group``; a group that is cut in two by the
    end of the items counts with those that are there.

    Args:
        group: column with the number of the item's group.

    Example:
        >>> columns = {"right": np.array([1, 1, 1, 0]), "group": np.array([0, 0, 1, 1])}
        >>> GroupMetric(name="accuracy_plus", column="right").estimate(columns).value
        0.5
    """

    group: str = "group"

    def terms(self, columns: Columns) -> np.ndarray:
        """Return each item's part of its group's outcome and of its group: [num_items, 2]."""
        right = np.asarray(columns[self.column], np.float64)
        names, label = np.unique(np.asarray(columns[self.group]), return_inverse=True)
        sizes = np.bincount(label, minlength=len(names))
        whole = np.bincount(label, right, minlength=len(names)) == sizes
        parts = np.stack([whole[label] / sizes[label], 1.0 / sizes[label]], axis=-1)
        return parts * self._chosen(columns)[:, None]
