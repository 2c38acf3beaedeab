"""Coverage is computed exactly, by summing over all outcomes; nothing is drawn."""

import numpy as np
import pytest
from scipy import stats

from tokencom.scenarios.statistics import clopper_pearson, inverse_binomial, wilson

RATES = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.99)


def test_clopper_pearson_is_the_beta_quantile():
    low, high = clopper_pearson(7, 200, 0.99)
    assert low == pytest.approx(stats.beta.ppf(0.005, 7, 194), rel=1e-9)
    assert high == pytest.approx(stats.beta.ppf(0.995, 8, 193), rel=1e-9)


def test_published_values():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 and 1 of 29
    assert clopper_pearson(81, 263) == pytest.approx((0.2527, 0.3676), abs=5e-5)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@pytest.mark.parametrize("p", RATES)
def test_clopper_pearson_never_covers_less_than_it_says(p):
    total = 60
    counts = np.arange(total + 1)
    inside = np.array([low <= p <= high for low, high in (clopper_pearson(int(k), total) for k in counts)])
    assert stats.binom.pmf(counts, total, p)[inside].sum() >= 0.95


def test_wilson_covers_what_it_says_on_average():
    total, grid = 60, np.linspace(0.005, 0.995, 199)
    limits = [wilson(k, total) for k in range(total + 1)]
    low, high = np.array(limits).T
    inside = (low[:, None] <= grid) & (grid <= high[:, None])
    coverage = (stats.binom.pmf(np.arange(total + 1)[:, None], total, grid) * inside).sum(axis=0)
    assert coverage.mean() == pytest.approx(0.95, abs=0.005)


@pytest.mark.parametrize("p", [0.02, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("target", [2, 5, 20])
def test_inverse_binomial_is_unbiased_and_covers(p, target):
    most = int(stats.nbinom.ppf(1 - 1e-12, target, p)) + target
    totals = np.arange(target, most + 1)
    weights = stats.nbinom.pmf(totals - target, target, p)
    found = np.array([inverse_binomial(target, int(n)) for n in totals])
    assert weights @ found[:, 0] == pytest.approx(p, rel=1e-6)
    assert weights[(found[:, 1] <= p) & (p <= found[:, 2])].sum() >= 0.95 - 1e-9
    # k / n is biased: the reason for all this
    assert weights @ (target / totals) > p


def test_no_trials_say_nothing():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clopper_pearson(5, 4), "count: 5 events of 4 trials"),
        (lambda: wilson(1, 4, level=95), "level: 95 is no coverage"),
        (lambda: inverse_binomial(1, 10), "at least 2"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
