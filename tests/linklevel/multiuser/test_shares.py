"""Shares of band and power for the weakest device, against a search over a grid."""

import numpy as np
import pytest

from tokencom.linklevel.multiuser import max_min_shares
from tokencom.linklevel.theory import ergodic_capacity

CASES = [
    ([0.0, 10.0], [1.0, 1.0], {"channel": "rayleigh", "num_rx_ant": 2}),
    ([-5.0, 20.0], [3.0, 1.0], {"channel": "awgn"}),
    ([6.0, 3.0], [1.0, 4.0], {"channel": "rician", "k_factor_db": 3.0}),
]


def worst(snr_db, weights, w, q, options) -> np.ndarray:
    """Smallest weighted rate of two devices for first shares w and q that broadcast."""
    rates = [
        share * ergodic_capacity(snr_db[m] + 10.0 * np.log10(power / share), **options) / weights[m]
        for m, (share, power) in enumerate(((w, q), (1.0 - w, 1.0 - q)))
    ]
    return np.minimum(*rates)


@pytest.mark.parametrize(("snr_db", "weights", "options"), CASES)
def test_band_shares_are_the_best_of_a_grid(snr_db, weights, options):
    found = max_min_shares(snr_db, weights, **options)
    grid = np.linspace(0.001, 0.999, 999)
    rates = worst(snr_db, weights, grid, grid, options)
    assert found.power == found.bandwidth
    assert sum(found.bandwidth) == pytest.approx(1.0, abs=1e-12)
    assert found.energy == pytest.approx((1.0, 1.0), rel=1e-12)
    assert rates.max() <= found.rate * (1 + 1e-9)
    assert rates.max() >= found.rate * 0.99
    assert grid[rates.argmax()] == pytest.approx(found.bandwidth[0], abs=2e-3)


@pytest.mark.parametrize(("snr_db", "weights", "options"), CASES[:2])
def test_band_and_power_shares_are_the_best_of_a_grid(snr_db, weights, options):
    found = max_min_shares(snr_db, weights, power="shared", **options)
    grid = np.linspace(0.01, 0.99, 50)
    rates = worst(snr_db, weights, grid[:, None], grid[None], options)
    assert sum(found.bandwidth) == pytest.approx(1.0, abs=1e-12)
    assert sum(found.power) == pytest.approx(1.0, abs=1e-12)
    assert worst(snr_db, weights, found.bandwidth[0], found.power[0], options) == pytest.approx(found.rate, rel=1e-9)
    assert rates.max() <= found.rate * (1 + 1e-6)
    assert rates.max() >= found.rate * 0.95
    assert found.rate >= max_min_shares(snr_db, weights, **options).rate * (1 - 1e-9)


def test_equal_devices_share_equally_and_the_rates_of_all_are_equal():
    found = max_min_shares([7.0] * 4, power="shared")
    assert found.bandwidth == pytest.approx([0.25] * 4, abs=1e-5)
    assert found.power == pytest.approx([0.25] * 4, abs=1e-5)
    snr_db, weights = [0.0, 5.0, -3.0, 18.0, 9.0], np.array([1.0, 2.0, 1.0, 1.0, 3.0])
    for power in ("unit", "shared"):
        best = max_min_shares(snr_db, weights.tolist(), power=power)
        w, q = np.array(best.bandwidth), np.array(best.power)
        rates = w * ergodic_capacity(np.array(snr_db) + 10.0 * np.log10(q / w), channel="awgn") / weights
        assert rates == pytest.approx([best.rate] * 5, rel=1e-4)


def test_one_device_has_everything():
    found = max_min_shares([3.0], power="shared")
    assert (found.bandwidth, found.power) == ((1.0,), (1.0,))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1.0, 2.0], [1.0]), {}, "weights: 1 given for 2 devices"),
        (([],), {}, "weights: 0 given for 0 devices"),
        (([1.0, 2.0], [1.0, -1.0]), {}, r"weights\[1\]: -1.0 is outside"),
        (([1.0, float("nan")],), {}, r"snr_db\[1\]: nan is not finite"),
        (([1.0],), {"power": "share"}, "did you mean 'shared'"),
        (([1.0],), {"channel": "rician"}, "k_factor_db: None given"),
    ],
)
def test_wrong_input_is_named(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        max_min_shares(*arguments, **options)
