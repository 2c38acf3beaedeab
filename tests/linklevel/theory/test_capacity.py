"""Capacities against numerical integrals, simulation and each other."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binomtest

from tokencom.linklevel.theory import (
    Fading,
    awgn_capacity,
    ergodic_capacity,
    outage_capacity,
    outage_probability,
)

CHANNELS = [{"channel": "rayleigh"}, {"channel": "rician", "k_factor_db": 4.0},
            {"channel": "rayleigh", "num_rx_ant": 4}]


@pytest.mark.parametrize("snr_db", [-40.0, -27.1, -26.9, -20.0, 0.0, 15.0, 40.0])
def test_rayleigh_closed_form_equals_integral(snr_db):
    snr = 10 ** (snr_db / 10)
    expected = quad(lambda x: np.log2(1 + snr * x) * np.exp(-x), 0, 60, epsabs=0, epsrel=1e-11, limit=200)[0]
    assert ergodic_capacity(snr_db) == pytest.approx(expected, rel=1e-8)


def test_quadrature_equals_closed_form():
    snr = 10 ** (np.arange(-10, 40, 7) / 10)
    gains, weights = Fading("rayleigh").grid()
    by_grid = np.log2(1 + snr[:, None] * gains) @ weights
    np.testing.assert_allclose(by_grid, ergodic_capacity(10 * np.log10(snr)), rtol=1e-9)


@pytest.mark.parametrize("options", CHANNELS)
def test_capacity_limits(options):
    snr_db = np.linspace(-30, 50, 60)
    branches_db = 10 * np.log10(options.get("num_rx_ant", 1))
    value = ergodic_capacity(snr_db, **options)
    assert (np.diff(value) > 0).all()
    assert (value < awgn_capacity(snr_db + branches_db)).all()  # Jensen
    assert value[0] == pytest.approx(awgn_capacity(snr_db[0] + branches_db), rel=0.01)
    assert ergodic_capacity(-np.inf, **options) == 0.0
    assert ergodic_capacity(np.inf) == np.inf
    assert ergodic_capacity(3.0, channel="awgn") == pytest.approx(awgn_capacity(3.0))


@pytest.mark.parametrize("options", CHANNELS)
def test_outage_matches_simulated_gains(options):
    """Fails with probability 3e-4 over the three channels."""
    rng, n = np.random.default_rng(5), 100_000
    k = 10**0.4 if options["channel"] == "rician" else 0.0
    shape = (options.get("num_rx_ant", 1), n)
    scatter = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)
    h = np.sqrt(k / (1 + k)) + scatter / np.sqrt(1 + k)
    rate, snr_db = (1.5, 5.0) if shape[0] == 1 else (2.5, 2.0)
    outages = int((np.log2(1 + 10 ** (snr_db / 10) * (abs(h) ** 2).sum(0)) < rate).sum())
    interval = binomtest(outages, n).proportion_ci(1 - 1e-4)
    assert outages > 100
    assert interval.low < outage_probability(snr_db, rate, **options) < interval.high


@pytest.mark.parametrize("options", CHANNELS)
def test_outage_capacity_inverts_outage_probability(options):
    for outage in (1e-4, 0.01, 0.5):
        rate = float(outage_capacity(12.0, outage, **options))
        assert outage_probability(12.0, rate, **options) == pytest.approx(outage, rel=1e-6)


def test_outage_of_awgn_is_a_step():
    below, above = float(awgn_capacity(3.0)) - 1e-9, float(awgn_capacity(3.0)) + 1e-9
    assert outage_probability(3.0, below, channel="awgn") == 0.0
    assert outage_probability(3.0, above, channel="awgn") == 1.0
    assert outage_probability([-np.inf, 0.0], 0.0).tolist() == [0.0, 0.0]
    assert outage_probability([-np.inf, np.inf], 1.0).tolist() == [1.0, 0.0]


def test_fading_law_is_consistent():
    laws = Fading("rayleigh", None, 3), Fading("rician", 9.0), Fading("rician", -3.0, 2), Fading("awgn")
    for law in laws:
        gains, weights = law.grid()
        assert weights.sum() == pytest.approx(1.0)
        assert gains @ weights == pytest.approx(law.num_rx_ant, rel=1e-9)  # E|h|^2 = 1 per branch
        assert np.exp(-0.7 * gains) @ weights == pytest.approx(float(law.laplace(0.7)), rel=1e-9)
    assert Fading("rayleigh").cdf(Fading("rayleigh").ppf(0.3)) == pytest.approx(0.3)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="outage: 1"):
        outage_capacity(0.0, 1.0)
    with pytest.raises(ValueError, match="rate: -1"):
        outage_probability(0.0, -1)
    with pytest.raises(ValueError, match="snr_db"):
        awgn_capacity(float("nan"))
