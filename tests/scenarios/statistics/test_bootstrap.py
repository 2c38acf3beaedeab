import math

import numpy as np
import pytest
from scipy import stats

from tokencom.scenarios.statistics import cluster_bootstrap, cluster_sums, paired_interval

RUNS = 300


def _mean(sums):
    return sums[..., 0] / sums[..., 1]


@pytest.mark.parametrize(("num_clusters", "least"), [(8, 0.93), (30, 0.94)])
def test_coverage_with_correlated_items(num_clusters, least):
    """Items share their cluster's mean; for a true coverage of ``least`` a test fails with P < 1e-4."""
    rng = np.random.default_rng(5)
    hits, naive = 0, 0
    clusters = np.repeat(np.arange(num_clusters), 10)
    for _ in range(RUNS):
        values = rng.normal(size=num_clusters)[clusters] + rng.normal(size=len(clusters))
        terms = np.stack([values, np.ones_like(values)], axis=-1)
        low, high = cluster_bootstrap(cluster_sums(terms, clusters), _mean, num_resamples=400)
        hits += low <= 0 <= high
        low, high = cluster_bootstrap(cluster_sums(terms), _mean, num_resamples=400)
        naive += low <= 0 <= high
    assert hits >= stats.binom.ppf(1e-4, RUNS, least)
    assert naive < 0.75 * RUNS  # what ignoring the clusters would give


def test_agrees_with_student_for_many_items():
    values = np.random.default_rng(2).normal(30, 4, 400)
    terms = np.stack([values, np.ones_like(values)], axis=-1)
    found = cluster_bootstrap(cluster_sums(terms), _mean)
    expected = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    assert found == pytest.approx(expected, abs=0.05)


def test_same_sums_same_bits():
    terms = np.random.default_rng(1).random((300, 2)) + 1
    assert cluster_bootstrap(terms, _mean) == cluster_bootstrap(terms.copy(order="F"), _mean)


def test_too_few_clusters_have_no_interval_and_equal_ones_no_width():
    assert all(math.isnan(limit) for limit in cluster_bootstrap(np.ones((1, 2)), _mean))
    assert cluster_bootstrap(np.full((5, 2), 3.0), _mean) == (1.0, 1.0)


def test_many_clusters_are_pooled():
    rng = np.random.default_rng(4)
    values = rng.normal(size=23_456)
    terms = np.stack([values, np.ones_like(values)], axis=-1)
    sums = cluster_sums(terms)
    assert sums.shape == (5000, 2)
    assert sums.sum(axis=0) == pytest.approx(terms.sum(axis=0))
    low, high = cluster_bootstrap(sums, _mean, num_resamples=500)
    assert high - low == pytest.approx(2 * 1.96 / math.sqrt(23_456), rel=0.15)


def test_clusters_need_not_be_sorted():
    terms = np.array([[1.0], [2.0], [3.0], [4.0]])
    assert cluster_sums(terms, np.array([7, 2, 7, 2])).tolist() == [[6.0], [4.0]]


def spread(rows):
    return float(rows.var(ddof=1))


def test_paired_interval_covers_and_respects_clusters():
    """Difference of two variances, 1.44 - 1; at a true coverage of 0.9 or more the test fails with P < 1e-3.

    With 60 clusters of two equal items the interval is that of 60 items, not of 120.
    """
    rng, runs, hits = np.random.default_rng(4), 100, 0
    for _ in range(runs):
        shared = rng.normal(size=(60, 1))
        a, b = 1.2 * (0.8 * shared + 0.6 * rng.normal(size=(60, 1))), shared
        value, low, high = paired_interval(spread, a, b)
        hits += low <= 0.44 <= high
    assert hits >= stats.binom.ppf(1e-3, runs, 0.9)
    twice = [np.repeat(rows, 2, axis=0) for rows in (a, b)]
    _, wide, _ = paired_interval(spread, *twice, np.repeat(np.arange(60), 2))
    _, narrow, _ = paired_interval(spread, *twice)
    assert value - low == pytest.approx(value - wide, rel=0.35)
    assert (value - narrow) / (value - wide) == pytest.approx(1 / np.sqrt(2), rel=0.35)
    assert paired_interval(spread, a, b) == paired_interval(spread, a, b)
    assert np.isnan(paired_interval(lambda rows: 0.0, a[:1], b[:1])[1])
