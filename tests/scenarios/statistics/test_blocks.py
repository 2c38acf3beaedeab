"""Coverage by simulation: with T runs, more than binom.ppf(1 - 1e-4, T, 0.05) misses fail a test.

If an interval covers at least as often as it says, a test fails with probability at most 1e-4.
"""

import numpy as np
import pytest
from scipy import stats

from tokencom.scenarios.statistics import block_interval, clopper_pearson

RUNS = 1000
MOST_MISSES = stats.binom.ppf(1 - 1e-4, RUNS, 0.05)


def _independent_bits(rng, num_blocks, p):
    return rng.binomial(1000, p, num_blocks)


def _bursts(rng, num_blocks, p):
    """Blocks fail with probability p, and then have an exponential number of bit errors."""
    failed = rng.random(num_blocks) < p
    return failed * (1 + np.minimum(rng.geometric(1 / 30, num_blocks) - 1, 499))


def _rayleigh(rng, num_blocks, snr):
    return rng.binomial(1000, stats.norm.sf(np.sqrt(2 * snr * rng.exponential(size=num_blocks))))


CASES = {
    "every block fails": (_independent_bits, 20, 0.1, 0.1),
    "many blocks fail": (_independent_bits, 200, 1e-3, 1e-3),
    "few blocks fail": (_independent_bits, 1000, 1e-5, 1e-5),
    "bursts": (_bursts, 1000, 0.02, None),
    "frequent bursts": (_bursts, 200, 0.5, None),
    "Rayleigh blocks": (_rayleigh, 300, 10.0, 0.5 * (1 - np.sqrt(10 / 11))),
}


def _truth(draw, parameter, known):
    if known is not None:
        return known
    tail = np.arange(500)
    mean = 1 + ((1 - 1 / 30) ** tail[1:]).sum()  # of a geometric number, cut at 500
    return parameter * mean / 1000


@pytest.mark.parametrize("case", CASES)
def test_coverage(case):
    draw, num_blocks, parameter, known = CASES[case]
    rng = np.random.default_rng(11)
    truth, bits = _truth(draw, parameter, known), np.full(num_blocks, 1000)
    misses = 0
    for _ in range(RUNS):
        low, high = block_interval(draw(rng, num_blocks, parameter), bits, worst=0.5)
        misses += not low <= truth <= high
    assert misses <= MOST_MISSES


@pytest.mark.parametrize("p", [0.03, 0.3])
def test_coverage_and_bias_when_stopped_by_errors(p):
    rng = np.random.default_rng(12)
    target, truth = 20, _truth(_bursts, p, None)
    misses, means = 0, []
    for _ in range(RUNS):
        errors = _bursts(rng, int(6 * target / p), p)
        errors = errors[: np.flatnonzero(errors)[target - 1] + 1]
        bits = np.full(len(errors), 1000)
        low, high = block_interval(errors, bits, worst=0.5, stopped_by_errors=True)
        misses += not low <= truth <= high
        means.append(errors[:-1].sum() / bits[:-1].sum())
    assert misses <= MOST_MISSES
    # the mean of the first n - 1 blocks is unbiased: within 4 standard errors, P < 1e-4
    assert abs(np.mean(means) - truth) < 4 * np.std(means) / np.sqrt(RUNS)


@pytest.mark.parametrize("count", [0, 1, 7, 99, 100])
def test_single_bits_give_clopper_pearson(count):
    errors = np.arange(100) < count
    found = block_interval(errors, np.ones(100), worst=1.0)
    assert found == pytest.approx(clopper_pearson(count, 100), abs=1e-12)


def test_zero_errors_have_an_upper_bound():
    low, high = block_interval(np.zeros(200), np.full(200, 1000), worst=0.5)
    assert low == 0.0
    assert high == pytest.approx(0.5 * clopper_pearson(0, 200)[1])


def test_the_bound_shrinks_steadily_with_the_first_errors():
    highs = []
    for failures in range(40):
        errors = np.where(np.arange(1000) < failures, 1, 0)
        highs.append(block_interval(errors, np.full(1000, 1000), worst=0.5)[1])
    assert highs[1] < highs[0]
    # 39 single bit errors in a million bits: close to the Poisson interval's end, 53.3
    assert highs[-1] * 1e6 == pytest.approx(53.3, rel=0.05)


def test_blocks_of_unequal_length():
    rng = np.random.default_rng(3)
    bits = rng.integers(1, 2000, 500)
    errors = rng.binomial(bits, 0.2)
    low, high = block_interval(errors, bits, worst=0.5)
    assert low < errors.sum() / bits.sum() < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.16 / bits.sum()), rel=0.15)


def test_ratios_above_one():
    """Goodput in bits per channel use: all delivered, some delivered, none delivered."""
    uses = np.full(50, 100)
    assert block_interval(np.full(50, 250), uses, worst=2.5)[1] == 2.5
    low, high = block_interval(np.where(np.arange(50) < 25, 250, 0), uses, worst=2.5)
    assert (low / 2.5, high / 2.5) == pytest.approx(clopper_pearson(25, 50), abs=1e-9)
    assert 0 < block_interval(np.zeros(50), uses, worst=2.5)[1] < 0.3


def test_bad_input():
    with pytest.raises(ValueError, match="both must be"):
        block_interval(np.zeros(3), np.ones(4), worst=0.5)
    with pytest.raises(ValueError, match="finite and not negative"):
        block_interval(np.array([-1.0]), np.ones(1), worst=0.5)
