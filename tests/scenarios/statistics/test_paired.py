import numpy as np
import pytest
from scipy import stats

from tokencom.scenarios.statistics import (
    MeanMetric,
    RateMetric,
    SumMetric,
    bonett_price,
    clopper_pearson,
    paired_difference,
)

BLER = RateMetric(name="bler", column="block_error")
PSNR = MeanMetric(name="psnr", column="psnr", unit="dB")


@pytest.mark.parametrize(("only_a", "only_b", "both"), [(0.05, 0.02, 0.1), (0.01, 0.01, 0.0), (0.3, 0.1, 0.2)])
def test_coverage_for_paired_outcomes(only_a, only_b, both):
    """Its coverage is near 0.95; at a true 0.94 or more the test fails with P < 1e-4."""
    rng, runs, hits = np.random.default_rng(8), 2000, 0
    shares = [only_a, only_b, both, 1 - only_a - only_b - both]
    for _ in range(runs):
        kind = rng.choice(4, 150, p=shares)
        low, high = bonett_price((kind == 0) | (kind == 2), (kind == 1) | (kind == 2))
        hits += low <= only_a - only_b <= high
    assert hits >= stats.binom.ppf(1e-4, runs, 0.94)


def test_only_common_items_count():
    a = {"item": np.arange(10), "block_error": np.arange(10) < 4}
    b = {"item": np.arange(2, 20), "block_error": np.zeros(18)}
    difference = paired_difference(BLER, a, b)
    assert difference.num_items == 8
    assert difference.value == 2 / 8
    assert difference.low < difference.value < difference.high


def test_pairing_is_narrower_than_two_intervals():
    rng = np.random.default_rng(1)
    hard = rng.random(1000)
    a = {"item": np.arange(1000), "block_error": hard < 0.30}
    b = {"item": np.arange(1000), "block_error": hard < 0.27}
    difference = paired_difference(BLER, a, b)
    assert difference.low > 0
    assert clopper_pearson(300, 1000)[0] < clopper_pearson(270, 1000)[1]


def test_means_and_clusters():
    rng = np.random.default_rng(3)
    image = rng.normal(30, 5, 40)
    clusters = np.repeat(np.arange(40), 5)
    a, b = (
        {"item": np.arange(200), "cluster": clusters, "psnr": image[clusters] + rng.normal(gain, 0.5, 200)}
        for gain in (0.4, 0.0)
    )
    difference = paired_difference(PSNR, a, b)
    assert 0 < difference.low < 0.4 < difference.high < 0.8


def test_functions_of_sums():
    metric = SumMetric(name="ratio", columns=("x", "y"), function=_ratio)
    a = {"item": np.arange(50), "x": np.arange(50.0), "y": np.full(50, 2.0)}
    b = {**a, "x": a["x"] + 1}
    difference = paired_difference(metric, a, b)
    assert difference.value == pytest.approx(-0.5)
    assert (difference.low, difference.high) == pytest.approx((-0.5, -0.5))


def _ratio(sums):
    return sums[..., 0] / sums[..., 1]


def test_nothing_in_common():
    a, b = ({"item": np.arange(5) + start, "block_error": np.zeros(5)} for start in (0, 5))
    with pytest.raises(ValueError, match="no item in common"):
        paired_difference(BLER, a, b)
