"""Cluster bootstrap of anything computed from sums over items: means, ratios, BLEU."""

import math
from collections.abc import Callable

import numpy as np
from scipy import stats

from .binomial import Interval, check_level

NUM_RESAMPLES = 2000
MAX_CLUSTERS = 5000
CHUNK = 2_000_000
"""Numbers gathered at a time, which bounds the memory used."""


def cluster_sums(terms: np.ndarray, clusters: np.ndarray | None = None) -> np.ndarray:
    """Add up the items of each cluster.

    Beyond 5,000 clusters, neighbours (in order of their number) are pooled, which keeps them
    independent and the resampling affordable.

    Args:
        terms: [num_items, num_columns], float64.
        clusters: [num_items], integer number of each item's cluster; every item its own if `None`.

    Returns:
        [num_clusters, num_columns], float64.
    """
    terms = np.asarray(terms, np.float64)
    if clusters is None:
        label = np.arange(len(terms))
        count = len(terms)
    else:
        names, label = np.unique(clusters, return_inverse=True)
        count = len(names)
    if count > MAX_CLUSTERS:
        label = label * MAX_CLUSTERS // count
        count = MAX_CLUSTERS
    return np.stack([np.bincount(label, column, minlength=count) for column in terms.T], axis=-1)


def cluster_bootstrap(
    sums: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    level: float = 0.95,
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Interval:
    r"""Return an interval for a statistic of sums over independent clusters.

    Clusters are drawn with replacement. The limits are the percentiles of the statistic at
    Hesterberg's expanded levels, :math:`\Phi(\pm \sqrt{C/(C-1)}\, t_{C-1, \alpha/2})` ("What
    teachers should know about the bootstrap", The American Statistician 69, 2015): the plain
    percentile interval is too narrow by about that factor for C clusters. The same sums and seed
    give the same interval, bit for bit; no linear algebra library takes part.

    Args:
        sums: [num_clusters, num_columns], float64, as :func:`cluster_sums` returns.
        statistic: turns sums [..., num_columns] into values [...].
        level: coverage.
        num_resamples: bootstrap samples.
        seed: of the resampling.

    Returns:
        (low, high); (nan, nan) for fewer than two clusters.

    Example:
        >>> data = np.stack([np.arange(100.0), np.ones(100)], axis=-1)
        >>> low, high = cluster_bootstrap(data, lambda s: s[..., 0] / s[..., 1])
        >>> low < 49.5 < high
        True
    """
    check_level(level)
    count = len(sums)
    if count < 2:
        return math.nan, math.nan
    if (sums == sums[0]).all():
        value = float(statistic(sums.sum(axis=0)))
        return value, value
    values = statistic(_resampled(np.ascontiguousarray(sums), num_resamples, seed))
    tail = stats.norm.cdf(math.sqrt(count / (count - 1)) * stats.t.ppf((1 - level) / 2, count - 1))
    with np.errstate(invalid="ignore"):
        low, high = np.nanquantile(values, [tail, 1 - tail]) if np.isfinite(values).any() else (math.nan,) * 2
    return float(low), float(high)


def paired_interval(
    statistic: Callable[[np.ndarray], float],
    a: np.ndarray,
    b: np.ndarray,
    clusters: np.ndarray | None = None,
    level: float = 0.95,
    *,
    num_resamples: int = 100,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return the difference of a statistic between two schemes over common items, with an interval.

    Clusters are drawn with replacement, for both schemes the same. Resampling adds to many statistics of a set, such as
    the Fréchet distance, more than it adds to their spread, and not equally to both, so percentiles are off; the
    interval is the difference and the normal quantile times the deviation of the resampled ones.

    Args:
        statistic: of rows [num_items, num_columns].
        a: [num_items, num_columns] of the first scheme.
        b: of the second, the same items in the same order.
        clusters: [num_items], integer number of each item's cluster; every item its own if `None`.
        level: coverage.
        num_resamples: bootstrap samples.
        seed: of the resampling.

    Returns:
        difference a minus b, low, high; both NaN for fewer than two clusters.
    """
    check_level(level)
    names = np.arange(len(a)) if clusters is None else clusters
    _, label, counts = np.unique(names, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(label, kind="stable"), np.cumsum(counts)[:-1])
    value = float(statistic(a) - statistic(b))
    if len(members) < 2:
        return value, math.nan, math.nan
    generator = np.random.Generator(np.random.PCG64(seed))
    found = []
    for _ in range(num_resamples):
        rows = np.concatenate([members[one] for one in generator.integers(0, len(members), len(members))])
        found.append(statistic(a[rows]) - statistic(b[rows]))
    half = float(stats.norm.ppf(0.5 + level / 2) * np.std(found, ddof=1))
    return value, value - half, value + half


def _resampled(sums: np.ndarray, num_resamples: int, seed: int) -> np.ndarray:
    """Return the sums of resampled clusters, [num_resamples, num_columns]."""
    generator = np.random.Generator(np.random.PCG64(seed))
    count, width = sums.shape
    step = max(1, CHUNK // (count * width))
    rows = [
        sums[generator.integers(0, count, (min(step, num_resamples - start), count))].sum(axis=1)
        for start in range(0, num_resamples, step)
    ]
    return np.concatenate(rows)
