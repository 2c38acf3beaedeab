"""The normal approximation against simulated information densities, its inverse and its limits."""

import numpy as np
import pytest
from scipy.stats import norm

from tokencom.linklevel.theory import (
    awgn_capacity,
    bler_over_gains,
    constrained_capacity,
    ergodic_capacity,
    normal_approximation_bler,
    normal_approximation_rate,
    outage_probability,
    q_function,
    q_inverse,
)

SETTINGS = [
    {},
    {"num_bits_per_symbol": 4},
    {"num_bits_per_symbol": 4, "coded_modulation": "bicm"},
    {"num_bits_per_symbol": 3, "constellation_type": "psk", "channel": "rayleigh", "fading": "symbol"},
    {"channel": "rayleigh"},
    {"channel": "rician", "k_factor_db": 6.0, "num_bits_per_symbol": 6},
    {"channel": "rayleigh", "num_rx_ant": 2},
]


def test_issue_formula_term_by_term():
    snr, n, eps = 10**0.35, 800, 1e-4
    dispersion = (1 - (1 + snr) ** -2) * np.log2(np.e) ** 2
    rate = np.log2(1 + snr) - np.sqrt(dispersion / n) * norm.isf(eps) + np.log2(n) / (2 * n)
    assert normal_approximation_rate(3.5, n, eps) == pytest.approx(rate, rel=1e-12)
    assert normal_approximation_bler(3.5, n, rate) == pytest.approx(eps, rel=1e-9)


def test_gaussian_dispersion_is_that_of_equal_power_codewords():
    """Mean and variance of the information density on the power shell; each fails with probability 1e-5."""
    rng, n, snr = np.random.default_rng(1), 400_000, 2.0
    noise = (rng.normal(size=n) + 1j * rng.normal(size=n)) / np.sqrt(2)
    info = np.log2(1 + snr) + (abs(np.sqrt(snr) + noise) ** 2 / (1 + snr) - abs(noise) ** 2) * np.log2(np.e)
    bound = norm.isf(0.5e-5) / np.sqrt(n)
    snr_db = 10 * np.log10(snr)
    assert abs(info.mean() - awgn_capacity(snr_db)) < bound * info.std()
    length = 10_000  # read C and V back from two points of the approximation
    middle = float(normal_approximation_rate(snr_db, length, 0.5))
    lower = float(normal_approximation_rate(snr_db, length, float(q_function(1.0))))
    squares = (info - info.mean()) ** 2
    assert abs(length * (middle - lower) ** 2 - squares.mean()) < bound * squares.std()


def test_constellation_error_is_the_tail_of_simulated_densities():
    """Blocks of 300 8-PSK symbols in AWGN; the normal law itself is off by a few per cent there."""
    rng, blocks, n, snr_db = np.random.default_rng(2), 4000, 300, 4.0
    no = 10 ** (-snr_db / 10)
    gap = 1 - np.exp(2j * np.pi * np.arange(8) / 8)
    noise = (rng.normal(size=(blocks * n, 1)) + 1j * rng.normal(size=(blocks * n, 1))) * np.sqrt(no / 2)
    info = 3 - np.log2(np.exp((-(abs(gap + noise) ** 2) + abs(noise) ** 2) / no).sum(1))
    rate = 1.6
    tail = (info.reshape(blocks, n).sum(1) < n * rate - 0.5 * np.log2(n)).mean()
    value = normal_approximation_bler(snr_db, n, rate, num_bits_per_symbol=3, constellation_type="psk")
    assert 0.05 < tail < 0.5
    assert value == pytest.approx(tail, abs=4.5 * np.sqrt(tail / blocks))


@pytest.mark.parametrize("options", SETTINGS)
def test_rate_inverts_bler(options):
    snr_db = np.array([2.0, 9.0, 15.0])
    rates = normal_approximation_rate(snr_db, 400, 0.05, **options)
    assert (np.diff(rates) > 0).all()
    assert rates[0] > 0
    for s, rate in zip(snr_db, rates, strict=True):
        if rate < options.get("num_bits_per_symbol", np.inf):
            assert normal_approximation_bler(s, 400, float(rate), **options) == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize("options", SETTINGS)
def test_bler_falls_with_snr_and_grows_with_rate(options):
    snr_db = np.linspace(-20, 60, 81)
    low, high = (normal_approximation_bler(snr_db, 200, r, **options) for r in (1.0, 1.5))
    assert (np.diff(low) <= 1e-12).all()
    assert (high >= low - 1e-12).all()
    assert low[0] == pytest.approx(1.0)
    assert low[-1] < 2e-6 / (1 if "channel" in options else 1e9)
    ends = normal_approximation_bler([-np.inf, np.inf], 200, 1.0, **options)
    np.testing.assert_allclose(ends, [1.0, 0.0], atol=1e-12)


def test_rates_beyond_reach():
    assert normal_approximation_bler(0.0, 10_000, 1.2) > 1 - 1e-12  # above capacity
    assert normal_approximation_bler(60.0, 1000, 4.01, num_bits_per_symbol=4) == 1.0
    assert normal_approximation_bler(60.0, 1000, 4.0, num_bits_per_symbol=4) == 0.0
    assert normal_approximation_rate(60.0, 1000, 1e-3, num_bits_per_symbol=4) == 4.0
    assert normal_approximation_rate(-np.inf, 1, 1e-3) == 0.0
    assert normal_approximation_rate(-20.0, 100, 1e-9, channel="rayleigh") == 0.0


def test_long_blocks_reach_capacity_and_outage():
    n = 10**8
    assert normal_approximation_rate(5.0, n, 1e-3) == pytest.approx(awgn_capacity(5.0), abs=1e-3)
    reached = normal_approximation_rate(5.0, n, 1e-3, num_bits_per_symbol=4)
    assert reached == pytest.approx(constrained_capacity(5.0, 4), abs=1e-3)
    symbol = normal_approximation_rate(5.0, n, 1e-3, channel="rayleigh", fading="symbol")
    assert symbol == pytest.approx(ergodic_capacity(5.0), abs=1e-3)
    snr_db = np.array([5.0, 15.0, 25.0])
    block = normal_approximation_bler(snr_db, n, 1.5, channel="rayleigh")
    np.testing.assert_allclose(block, outage_probability(snr_db, 1.5), rtol=5e-3)


def test_gains_reduce_to_the_flat_channel():
    snr_db = np.array([0.0, 3.0, 6.0])
    flat = bler_over_gains(snr_db, 300, 1.5, np.ones((2, 7)), num_bits_per_symbol=4)
    np.testing.assert_allclose(flat, normal_approximation_bler(snr_db, 300, 1.5, num_bits_per_symbol=4))
    gains, n = np.random.default_rng(4).exponential(size=(20_000, 1)), 300
    drawn = bler_over_gains(snr_db, n, 1.5, gains, num_bits_per_symbol=4)
    exact = normal_approximation_bler(snr_db, n, 1.5, num_bits_per_symbol=4, channel="rayleigh")
    spread = np.sqrt(exact * (1 - exact) / 20_000)  # an error probability varies less than an error
    assert (abs(drawn - exact) < norm.isf(0.5e-5) * spread).all()


def test_selective_block_is_worse_than_its_mean_and_better_than_flat_fading():
    gains = np.random.default_rng(4).exponential(size=(500, 64))
    selective = bler_over_gains(8.0, 500, 1.5, gains)
    assert normal_approximation_bler(8.0, 500, 1.5) < selective
    assert selective < normal_approximation_bler(8.0, 500, 1.5, channel="rayleigh")


def test_q_function_and_inverse():
    x = np.linspace(-6, 8, 50)
    np.testing.assert_allclose(q_inverse(q_function(x)), x, atol=1e-6)
    assert q_function(1.2815515655446004) == pytest.approx(0.1)
    np.testing.assert_allclose(q_function(x) + q_function(-x), 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: normal_approximation_bler(0.0, 0, 1.0), "num_channel_uses: 0"),
        (lambda: normal_approximation_bler(0.0, 10, -1.0), "rate: -1.0"),
        (lambda: normal_approximation_bler(0.0, 10, 1.0, fading="fast"), "fading: 'fast'"),
        (lambda: normal_approximation_rate(0.0, 10, 1.0), "bler: 1.0"),
        (lambda: bler_over_gains(0.0, 10, 1.0, np.ones(3)), "gains: shape"),
        (lambda: bler_over_gains(0.0, 10, 1.0, -np.ones((2, 2))), "gains: negative"),
        (lambda: bler_over_gains(np.nan, 10, 1.0, np.ones((2, 2))), "snr_db"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
