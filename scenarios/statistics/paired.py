"""Differences between two schemes that met the same items, fades and noise."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from .binomial import Interval, check_level
from .bootstrap import cluster_bootstrap, cluster_sums
from .metric import SetMetric
from .metrics import Columns, Metric, RateMetric


@dataclass(frozen=True)
class Difference:
    """Scheme a minus scheme b.

    Args:
        value: difference of the metric over the common items.
        low: lower end of the interval.
        high: upper end of the interval.
        num_items: common items.
    """

    value: float
    low: float
    high: float
    num_items: int


def paired_difference(metric: Metric, a: Columns, b: Columns, level: float = 0.95) -> Difference:
    """Return the difference of a metric between two schemes over their common items.

    Both columns sets have a column ``item``; items that only one scheme has seen are left out.
    A statistic of a set of items has a
    difference of its own. Yes/no outcomes of independent items get Bonett and Price's interval (Journal of Educational
    and Behavioral Statistics 37, 2012), which stays honest where the two never differ; all else
    gets a cluster bootstrap in which both schemes keep their items together.

    Args:
        metric: what is compared.
        a: columns of the first scheme.
        b: columns of the second.
        level: coverage.

    Raises:
        ValueError: if the two have no item in common.
    """
    check_level(level)
    common, rows_a, rows_b = np.intersect1d(a["item"], b["item"], assume_unique=True, return_indices=True)
    if common.size == 0:
        raise ValueError("a, b: the two schemes have no item in common, so nothing can be paired")
    a = {name: column[rows_a] for name, column in a.items()}
    b = {name: column[rows_b] for name, column in b.items()}
    if isinstance(metric, SetMetric):
        return Difference(*metric.difference(a, b, level), int(common.size))
    terms_a, terms_b = metric.terms(a), metric.terms(b)
    value = float(metric.value(terms_a.sum(axis=0)) - metric.value(terms_b.sum(axis=0)))
    if isinstance(metric, RateMetric) and "cluster" not in a:
        low, high = bonett_price(terms_a[:, 0], terms_b[:, 0], level)
    else:
        low, high = _bootstrap(metric, np.hstack([terms_a, terms_b]), a.get("cluster"), level)
    return Difference(value, low, high, int(common.size))


def bonett_price(a: np.ndarray, b: np.ndarray, level: float = 0.95) -> Interval:
    r"""Return the interval of the difference of two paired proportions.

    .. math::
        \tilde p_{10} - \tilde p_{01} \pm
        z \sqrt{\frac{\tilde p_{10} + \tilde p_{01} - (\tilde p_{10} - \tilde p_{01})^2}{n + 2}},
        \qquad \tilde p_{jk} = \frac{n_{jk} + 1}{n + 2}

    Args:
        a: [num_items], outcomes 0 or 1 of the first scheme.
        b: [num_items], of the second.
        level: coverage.

    Example:
        >>> low, high = bonett_price(np.zeros(100), np.zeros(100))
        >>> round(low, 3), round(high, 3)
        (-0.027, 0.027)
    """
    a, b = np.asarray(a) > 0, np.asarray(b) > 0
    size = len(a) + 2
    only_a, only_b = ((a & ~b).sum() + 1) / size, ((b & ~a).sum() + 1) / size
    centre = only_a - only_b
    half = stats.norm.ppf(0.5 + level / 2) * math.sqrt((only_a + only_b - centre**2) / size)
    return float(max(centre - half, -1.0)), float(min(centre + half, 1.0))


def _bootstrap(metric: Metric, terms: np.ndarray, clusters: np.ndarray | None, level: float) -> Interval:
    width = terms.shape[1] // 2
    return cluster_bootstrap(
        cluster_sums(terms, clusters),
        lambda sums: metric.value(sums[..., :width]) - metric.value(sums[..., width:]),
        level,
    )
