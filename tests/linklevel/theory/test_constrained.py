"""Mutual information of constellations against simulation, known limits and bounds."""

import numpy as np
import pytest
from scipy.stats import norm

from tokencom.linklevel.theory import awgn_capacity, constrained_capacity, constrained_dispersion, gray_bits

ALPHABETS = [("qam", 2), ("qam", 4), ("qam", 6), ("qam", 8)]
ALPHABETS += [("psk", 1), ("psk", 3), ("psk", 4), ("pam", 2), ("pam", 4)]


def density_samples(points, labels, snr_db, n, seed, bicm):
    """Information density of n random symbols in complex AWGN, straight from its definition."""
    rng, no = np.random.default_rng(seed), 10 ** (-snr_db / 10)
    sent = rng.integers(points.size, size=n)
    noise = (rng.normal(size=n) + 1j * rng.normal(size=n)) * np.sqrt(no / 2)
    y = points[sent] + noise
    likelihood = np.exp(-(abs(y[:, None] - points) ** 2) / no)
    mean = likelihood.mean(1)
    if not bicm:
        return np.log2(likelihood[np.arange(n), sent] / mean)
    total = 0.0
    for column in labels.T:
        same = column[None, :] == column[sent][:, None]
        total = total + np.log2(2 * (likelihood * same).mean(1) / mean)
    return total


def alphabet(kind, num_bits):
    if kind == "qam":
        from sionna.phy.mapping import qam

        labels = (np.arange(2**num_bits)[:, None] >> np.arange(num_bits)[::-1]) & 1
        return np.asarray(qam(num_bits)).astype(complex), labels
    if kind == "psk":
        return np.exp(2j * np.pi * np.arange(2**num_bits) / 2**num_bits), gray_bits(num_bits)
    levels = np.arange(1.0 - 2**num_bits, 2**num_bits, 2)
    return levels / np.sqrt(np.mean(levels**2)) + 0j, gray_bits(num_bits)


@pytest.mark.parametrize(("kind", "num_bits", "snr_db"), [
    ("qam", 2, 1.0), ("qam", 4, 5.3), ("qam", 6, 11.0), ("psk", 3, 7.0), ("pam", 2, 6.0)])
@pytest.mark.parametrize("coded_modulation", ["cm", "bicm"])
def test_moments_match_simulation(kind, num_bits, snr_db, coded_modulation):
    """Each of 20 comparisons fails with probability 1e-5 (normal mean, fourth moment for the variance)."""
    n = 60_000
    points, labels = alphabet(kind, num_bits)
    info = density_samples(points, labels, snr_db, n, 7, coded_modulation == "bicm")
    bound = norm.isf(0.5e-5) / np.sqrt(n)
    mean = constrained_capacity(snr_db, num_bits, kind, coded_modulation=coded_modulation)
    assert abs(mean - info.mean()) < bound * info.std()
    variance = constrained_dispersion(snr_db, num_bits, kind, coded_modulation=coded_modulation)
    squares = (info - info.mean()) ** 2
    assert abs(variance - squares.mean()) < bound * squares.std()


def test_known_limits():
    # binary input, rate 1/2: Eb/N0 = 0.187 dB, so Es/N0 of QPSK at 1 bit is 0.187 dB as well
    assert constrained_capacity(0.187, 2) == pytest.approx(1.0, abs=2e-4)
    assert constrained_capacity(0.187 - 10 * np.log10(2), 1, "psk") == pytest.approx(0.5 * 1.0, abs=0.02)
    # all zero-mean complex constellations start with slope log2(e)
    for kind, num_bits in ALPHABETS:
        snr = 1e-3
        slope = constrained_capacity(-30.0, num_bits, kind) / snr
        assert slope == pytest.approx(np.log2(np.e), rel=2e-3)


@pytest.mark.parametrize(("kind", "num_bits"), ALPHABETS)
def test_bounds_and_order(kind, num_bits):
    snr_db = np.arange(-50.0, 75.0, 0.37)
    cm = constrained_capacity(snr_db, num_bits, kind)
    bicm = constrained_capacity(snr_db, num_bits, kind, coded_modulation="bicm")
    assert (cm <= np.minimum(awgn_capacity(snr_db), num_bits) + 1e-6).all()
    assert (bicm <= cm + 1e-6).all()
    assert (np.diff(cm) > -1e-6).all()
    assert (np.diff(bicm) > -1e-6).all()
    for mode in ("cm", "bicm"):
        ends = constrained_capacity([-np.inf, np.inf], num_bits, kind, coded_modulation=mode)
        np.testing.assert_allclose(ends, [0.0, num_bits], atol=1e-9)
        spread = constrained_dispersion([-np.inf, np.inf], num_bits, kind, coded_modulation=mode)
        np.testing.assert_allclose(spread, 0.0, atol=1e-9)
        assert (constrained_dispersion(snr_db, num_bits, kind, coded_modulation=mode) >= 0).all()


def test_equal_alphabets_agree():
    snr_db = np.arange(-35.0, 30.0, 0.7)
    qpsk = constrained_capacity(snr_db, 2)
    np.testing.assert_allclose(qpsk, constrained_capacity(snr_db, 2, "psk"), atol=1e-5)
    np.testing.assert_allclose(qpsk, 2 * constrained_capacity(snr_db - 10 * np.log10(2), 1, "pam"), atol=1e-5)
    np.testing.assert_allclose(qpsk, constrained_capacity(snr_db, 2, coded_modulation="bicm"), atol=1e-5)
    one = constrained_dispersion(snr_db, 1, "psk")
    np.testing.assert_allclose(one, constrained_dispersion(snr_db, 1, "pam"), atol=1e-5)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="num_bits_per_symbol: 5"):
        constrained_capacity(0.0, 5)
    with pytest.raises(ValueError, match=r"coded_modulation: 'bcm'.*did you mean 'bicm'"):
        constrained_capacity(0.0, 4, coded_modulation="bcm")
    with pytest.raises(ValueError, match="snr_db"):
        constrained_capacity(np.nan, 4)
