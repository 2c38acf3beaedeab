"""Closed forms against enumeration of Sionna's constellations, numerical integrals and simulation."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binomtest, gamma, ncx2, norm

from tokencom.linklevel.theory import (
    bit_error_rate,
    gray_bits,
    qam_ber_awgn,
    qam_ber_rayleigh,
    qam_ber_rician,
    symbol_error_rate,
)

ALPHABETS = [("qam", m) for m in (2, 4, 6, 8)] + [(t, m) for t in ("psk", "pam") for m in (1, 2, 3, 4)]


def axis_error(levels, labels, sigma):
    """Mean number of wrong label bits per symbol on a real axis with nearest-level decisions."""
    order = np.argsort(levels)
    levels, labels = levels[order], labels[order]
    edges = np.concatenate(([-np.inf], (levels[1:] + levels[:-1]) / 2, [np.inf]))
    tail = norm.sf((edges[None, :] - levels[:, None]) / sigma)
    prob = tail[:, :-1] - tail[:, 1:]
    distance = (labels[:, None, :] != labels[None, :, :]).sum(-1)
    return (prob * distance).sum(1).mean()


@pytest.mark.parametrize("num_bits", [2, 4, 6, 8])
def test_qam_equals_enumeration_of_sionnas_constellation(num_bits):
    from sionna.phy.mapping import qam

    points = np.asarray(qam(num_bits))
    labels = (np.arange(2**num_bits)[:, None] >> np.arange(num_bits)[::-1]) & 1
    for snr_db in (-5.0, 3.0, 12.0, 18.0):
        sigma = np.sqrt(0.5 * 10 ** (-snr_db / 10))
        wrong = 0.0
        for part, bits in ((points.real, labels[:, 0::2]), (points.imag, labels[:, 1::2])):
            levels, first = np.unique(np.round(part, 6), return_index=True)
            wrong += axis_error(levels, bits[first], sigma)
        assert qam_ber_awgn(snr_db, num_bits) == pytest.approx(wrong / num_bits, rel=1e-4)


def test_deciding_bit_by_bit_is_better_by_what_the_docstring_says():
    """Signs of exact LLRs: the smaller of both bit densities, integrated over a real axis of the QAM."""
    for num_bits, snr_db, ratio in ((4, 0.0, 0.984), (6, 0.0, 0.982), (4, 9.0, 1.0), (6, 9.0, 0.998)):
        size = 2 ** (num_bits // 2)
        levels = np.arange(1.0 - size, size, 2) / np.sqrt((size**2 - 1) / 3) * 10 ** (snr_db / 20)
        y = np.linspace(levels[0] - 9, levels[-1] + 9, 4001)
        density = norm.pdf(y[:, None] - levels) / size
        one = density @ gray_bits(num_bits // 2)
        wrong = np.trapezoid(np.minimum(one, density.sum(1, keepdims=True) - one), y, axis=0).mean()
        assert wrong / qam_ber_awgn(snr_db, num_bits) == pytest.approx(ratio, abs=6e-4)


@pytest.mark.parametrize("num_bits", [1, 2, 3, 4])
def test_pam_equals_enumeration(num_bits):
    levels = np.arange(1.0 - 2**num_bits, 2**num_bits, 2)
    levels /= np.sqrt(np.mean(levels**2))
    for snr_db in (-3.0, 6.0, 15.0):
        expected = axis_error(levels, gray_bits(num_bits), np.sqrt(0.5 * 10 ** (-snr_db / 10))) / num_bits
        assert bit_error_rate(snr_db, num_bits, "pam") == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("num_bits", [2, 3, 4, 5])
def test_psk_equals_integral_of_the_phase_density(num_bits):
    size, labels = 2**num_bits, gray_bits(num_bits)
    for snr_db in (-3.0, 5.0, 14.0):
        snr = 10 ** (snr_db / 10)

        def density(phi, snr=snr):
            c = np.cos(phi)
            tail = norm.cdf(np.sqrt(2 * snr) * c) * np.sqrt(4 * np.pi * snr) * c
            return (np.exp(-snr) + tail * np.exp(-snr * np.sin(phi) ** 2)) / (2 * np.pi)

        edges = (2 * np.arange(size + 1) - 1) * np.pi / size
        sector = [quad(density, *pair)[0] for pair in itertools.pairwise(edges)]
        distance = (labels[:, None, :] != labels[None, :, :]).sum(-1)
        ber = np.mean([[distance[i, (i + k) % size] * sector[k] for k in range(size)] for i in range(size)])
        assert bit_error_rate(snr_db, num_bits, "psk") == pytest.approx(ber * size / num_bits, rel=1e-7)
        assert symbol_error_rate(snr_db, num_bits, "psk") == pytest.approx(1 - sector[0], rel=1e-7)


def test_bpsk_needs_9_59_db_for_1e_5():
    assert bit_error_rate(9.5879, 1, "psk") == pytest.approx(1e-5, rel=1e-3)
    assert bit_error_rate(6.7895, 1, "pam") == pytest.approx(1e-3, rel=1e-3)


def test_rayleigh_has_proakis_values():
    snr = 10.0
    assert bit_error_rate(10.0, 1, "psk", channel="rayleigh") == pytest.approx(
        0.5 * (1 - np.sqrt(snr / (1 + snr))), rel=1e-12
    )
    # high-SNR law of L-branch combining: comb(2L-1, L) / (4 snr)^L (Proakis and Salehi, eq. 13.4-17)
    for branches, ways in ((1, 1), (2, 3), (4, 35)):
        value = bit_error_rate(50.0, 1, "psk", channel="rayleigh", num_rx_ant=branches)
        assert value == pytest.approx(ways / (4e5) ** branches, rel=1e-3)


@pytest.mark.parametrize(("kind", "num_bits"), ALPHABETS)
@pytest.mark.parametrize("channel", ["rayleigh", "rician"])
@pytest.mark.parametrize("branches", [1, 3])
def test_fading_rates_are_means_of_awgn_rates(kind, num_bits, channel, branches):
    k_factor_db = 6.0 if channel == "rician" else None
    k = 10**0.6
    law = ncx2(2 * branches, 2 * k * branches, scale=1 / (2 * (1 + k))) if channel == "rician" else gamma(branches)
    root = np.linspace(1e-6, np.sqrt(law.isf(1e-11)), 12_001)  # smooth in the amplitude
    gain = root**2
    weight = law.pdf(gain) * 2 * root
    for rate in (bit_error_rate, symbol_error_rate):
        conditional = rate(12.0 + 10 * np.log10(gain), num_bits, kind)
        expected = np.trapezoid(conditional * weight, root)
        value = rate(12.0, num_bits, kind, channel=channel, k_factor_db=k_factor_db, num_rx_ant=branches)
        assert value == pytest.approx(expected, rel=2e-6, abs=1e-10)


def test_rician_runs_from_rayleigh_to_awgn():
    snr_db = np.array([0.0, 10.0, 16.0])
    np.testing.assert_allclose(qam_ber_rician(snr_db, 4, -60.0), qam_ber_rayleigh(snr_db, 4), rtol=1e-5)
    np.testing.assert_allclose(qam_ber_rician(snr_db, 4, 40.0), qam_ber_awgn(snr_db, 4), rtol=0.05)


@pytest.mark.parametrize(("kind", "num_bits"), ALPHABETS)
def test_limits_and_order(kind, num_bits):
    snr_db = np.arange(-20.0, 45.0, 0.5)
    for rate, random in ((bit_error_rate, 0.5), (symbol_error_rate, 1 - 2.0**-num_bits)):
        for fade in ({}, {"channel": "rayleigh"}, {"channel": "rician", "k_factor_db": 3.0}):
            value = rate(snr_db, num_bits, kind, **fade)
            assert (np.diff(value) <= 0).all()
            assert value[0] < random
            ends = rate([-np.inf, np.inf], num_bits, kind, **fade)
            np.testing.assert_allclose(ends, [random, 0.0], atol=1e-12)
        two = rate(snr_db, num_bits, kind, channel="rayleigh", num_rx_ant=2)
        assert (two < rate(snr_db, num_bits, kind, channel="rayleigh")).all()
    ber, ser = bit_error_rate(snr_db, num_bits, kind), symbol_error_rate(snr_db, num_bits, kind)
    assert (ber <= ser * (1 + 1e-12)).all()
    assert (ser <= num_bits * ber * (1 + 1e-12)).all()


def test_simulated_symbols_are_inside_the_interval():
    """8-PSK over Rayleigh with two antennas; fails with probability 1e-4."""
    rng, n, snr_db = np.random.default_rng(3), 200_000, 8.0
    normal = lambda *shape: (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)  # noqa: E731
    sent = rng.integers(8, size=n)
    h = normal(2, n)
    y = h * np.exp(2j * np.pi * sent / 8) + normal(2, n) * 10 ** (-snr_db / 20)
    phase = np.angle((h.conj() * y).sum(0))
    errors = int((np.round(phase * 8 / (2 * np.pi)) % 8 != sent).sum())
    interval = binomtest(errors, n).proportion_ci(1 - 1e-4)
    value = symbol_error_rate(snr_db, 3, "psk", channel="rayleigh", num_rx_ant=2)
    assert interval.low < value < interval.high


def test_shape_is_kept():
    assert bit_error_rate(np.zeros((2, 3)), 4).shape == (2, 3)
    assert bit_error_rate(np.zeros((2, 3)), 3, "psk", channel="rayleigh").shape == (2, 3)
    assert bit_error_rate(5.0, 4).shape == ()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0.0, 3), {}, "num_bits_per_symbol: 3"),
        ((0.0, 10), {}, "num_bits_per_symbol: 10"),
        ((0.0, 7, "psk"), {}, "num_bits_per_symbol: 7"),
        ((0.0, 4, "qma"), {}, "did you mean 'qam'"),
        ((0.0, 4), {"channel": "rayliegh"}, "did you mean 'rayleigh'"),
        ((0.0, 4), {"channel": "rician"}, "k_factor_db: None"),
        ((0.0, 4), {"channel": "awgn", "k_factor_db": 3.0}, "k_factor_db: 3.0"),
        ((0.0, 4), {"num_rx_ant": 0}, "num_rx_ant: 0"),
        (([0.0, np.nan], 4), {}, "snr_db: 1 of 2 elements are NaN"),
    ],
)
def test_bad_input_is_named(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        bit_error_rate(*arguments, **options)
