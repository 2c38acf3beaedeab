"""Flat air interfaces against closed forms."""

import numpy as np
import pytest
import torch
from scipy.special import comb
from scipy.stats import binom, norm

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws

ERROR = 1e-4
"""Probability that a right implementation fails one statistical test; the seeds are fixed."""


def qpsk(batch, num_symbols, seed=0):
    bits = Draws(seed=seed).bits(batch, 2 * num_symbols)
    return torch.complex(*((1 - 2 * bits) / np.sqrt(2)).chunk(2, 1)), bits


def count_errors(symbols, bits):
    decided = torch.cat([symbols.real, symbols.imag], 1) < 0
    return int((decided != bits.bool()).sum())


def within(errors, trials, probability):
    low, high = binom.ppf([ERROR / 2, 1 - ERROR / 2], trials, probability)
    return low <= errors <= high


@pytest.mark.parametrize("snr_db", [0.0, 4.0, 8.0])
def test_qpsk_in_awgn_has_the_error_rate_of_theory(snr_db):
    x, bits = qpsk(64, 4000)
    received = FlatAirInterface(channel="awgn")(x, 10 ** (-snr_db / 10), Draws(seed=1))
    assert within(count_errors(received.symbols, bits), bits.numel(), norm.sf(10 ** (snr_db / 20)))


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
@pytest.mark.parametrize("equalizer", ["zf", "lmmse", "mf"])
def test_qpsk_in_rayleigh_fading_has_the_error_rate_of_theory(snr_db, equalizer):
    x, bits = qpsk(64, 2000)
    air = FlatAirInterface(channel="rayleigh", fading="symbol", equalizer=equalizer)
    received = air(x, 10 ** (-snr_db / 10), Draws(seed=2))
    gamma = 10 ** (snr_db / 10) / 2
    theory = 0.5 * (1 - np.sqrt(gamma / (1 + gamma)))
    # The two bits of a symbol share a fade: their sum varies at most twice as much as independent bits.
    errors, trials = count_errors(received.symbols, bits), bits.numel()
    bound = norm.isf(ERROR / 2) * np.sqrt(2 * trials * theory)
    assert abs(errors - trials * theory) < bound


@pytest.mark.parametrize("num_rx_ant", [2, 4])
def test_receive_diversity_has_the_error_rate_of_theory(num_rx_ant):
    x, bits = qpsk(64, 2000)
    air = FlatAirInterface(channel="rayleigh", fading="symbol", num_rx_ant=num_rx_ant)
    received = air(x, 1.0, Draws(seed=3))
    mu = np.sqrt(0.5 / 1.5)
    # J. Proakis, Digital Communications, eq. 14.4-15: L-branch maximum-ratio combining.
    theory = ((1 - mu) / 2) ** num_rx_ant * sum(
        comb(num_rx_ant - 1 + k, k) * ((1 + mu) / 2) ** k for k in range(num_rx_ant)
    )
    errors, trials = count_errors(received.symbols, bits), bits.numel()
    assert abs(errors - trials * theory) < norm.isf(ERROR / 2) * np.sqrt(2 * trials * theory)


@pytest.mark.parametrize("k_factor_db", [-10.0, 0.0, 6.0, 20.0])
def test_rician_has_unit_energy_line_of_sight_included(k_factor_db):
    air = FlatAirInterface(channel="rician", k_factor_db=k_factor_db)
    h = air.fade(200_000, 1, Draws(seed=4)).flatten()
    k = 10 ** (k_factor_db / 10)
    energy = h.abs().square().double()
    z = norm.isf(ERROR / 2) / np.sqrt(len(h))
    assert abs(float(energy.mean()) - 1) < z * float(energy.std())
    assert abs(complex(h.mean()) - np.sqrt(k / (k + 1))) < z * 2 / np.sqrt(k + 1)
    assert abs(float((h - h.mean()).abs().square().mean()) * (k + 1) - 1) < 2 * z


def test_a_fade_belongs_to_an_item_or_to_a_symbol():
    block = FlatAirInterface(channel="rayleigh").fade(8, 3, Draws(seed=5))
    assert block.shape == (8, 1, 1, 1, 1)
    assert len(torch.unique(block.real)) == 8
    symbol = FlatAirInterface(channel="rayleigh", fading="symbol").fade(8, 3, Draws(seed=5))
    assert symbol.shape == (8, 3, 1, 1, 256)
    assert len(torch.unique(torch.view_as_real(symbol.flatten()), dim=0)) == symbol.numel()


@pytest.mark.parametrize("num_pilots", [1, 4])
@pytest.mark.parametrize("num_streams", [1, 2])
def test_estimation_error_has_the_variance_that_enters_no_eff(num_pilots, num_streams):
    air = FlatAirInterface(
        channel="rayleigh", csi="estimated", num_pilots=num_pilots, num_streams=num_streams, num_rx_ant=2
    )
    batch, no, draws = 20_000, torch.tensor(0.3), Draws(seed=6)
    tx = air.transmit(torch.zeros(batch, 1, dtype=torch.complex64), torch.ones(batch, dtype=torch.int64))
    h = air.fade(batch, 1, draws)
    y = air.add_noise(air.propagate(tx, h), no.expand(batch), draws)
    error = (air._estimate(y) - h).abs().square().double()
    bound = norm.isf(ERROR / 2) / np.sqrt(error.numel())
    assert abs(float(error.mean()) * num_pilots / 0.3 - 1) < bound


def test_error_variance_equals_no_eff_with_estimated_csi():
    air = FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=2, num_rx_ant=4)
    x, _ = qpsk(2000, 100)
    received = air(x, 0.1, Draws(seed=7))
    error = (received.symbols - x).abs().square().mean(1)
    # Given an estimate, the true channel spreads around it, so the ratio is 1 up to the estimate's bias.
    ratio = (error / received.no_eff[:, 0]).double()
    assert abs(float(ratio.mean()) - 1) < 0.08


@pytest.mark.parametrize("equalizer", ["zf", "lmmse", "mf"])
@pytest.mark.parametrize("fading", ["block", "symbol"])
def test_streams_are_equalised_as_sionna_does(equalizer, fading):
    from sionna.phy.mimo import lmmse_equalizer, mf_equalizer, zf_equalizer

    streams, antennas, no = 3, 4, 0.05
    air = FlatAirInterface(
        channel="rayleigh", fading=fading, num_streams=streams, num_rx_ant=antennas, equalizer=equalizer,
        precision="double",
    )
    x, _ = qpsk(4, streams * 256)
    draws = Draws(seed=8)
    received = air(x.to(torch.complex128), no, draws)
    h = air.fade(4, 1, draws).expand(-1, -1, -1, -1, 256)[:, 0].permute(0, 3, 1, 2)
    noise = draws.complex_normal("noise", 0, (4, antennas, 256), dtype=torch.complex128).mT * no**0.5
    y = (h @ x.reshape(4, 256, streams, 1).to(h.dtype))[..., 0] / streams**0.5 + noise
    block = {"zf": zf_equalizer, "lmmse": lmmse_equalizer, "mf": mf_equalizer}[equalizer]
    covariance = no * torch.eye(antennas, dtype=h.dtype)
    want, no_eff = block(y, h / streams**0.5, covariance, precision="double")
    torch.testing.assert_close(received.symbols, want.reshape(4, -1))
    torch.testing.assert_close(received.no_eff, no_eff.reshape(4, -1))


def test_without_csi_the_receiver_gets_the_samples():
    x, _ = qpsk(3, 300)
    draws = Draws(seed=9)
    air = FlatAirInterface(channel="rayleigh", csi="none")
    received = air(x, 0.2, draws)
    noise = torch.cat([draws.complex_normal("noise", g, (3, 1, 256))[:, 0] for g in range(2)], 1)[:, :300]
    torch.testing.assert_close(received.symbols, air.fade(3, 2, draws).reshape(3, 1) * x + noise * 0.2**0.5)
    torch.testing.assert_close(received.no_eff, torch.full((3, 300), 0.2))
    assert not air.has_csi
    assert FlatAirInterface(channel="awgn", csi="none").has_csi


def test_pilots_leave_the_noise_of_the_payload_alone():
    x, _ = qpsk(3, 300)
    perfect = FlatAirInterface(channel="awgn")(x, 0.2, Draws(seed=9))
    air = FlatAirInterface(channel="awgn", csi="estimated", num_pilots=300)
    tx = air.transmit(x, torch.full((3,), 300))
    y = air.add_noise(air.propagate(tx, None), torch.full((3,), 0.2), Draws(seed=9))
    assert air.num_pilot_grids == 2
    torch.testing.assert_close(y[:, 2:, 0].reshape(3, -1)[:, :300], perfect.symbols)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": "rayliegh"}, "did you mean 'rayleigh'"),
        ({"channel": "rician"}, "k_factor_db: None given for channel 'rician'"),
        ({"channel": "awgn", "k_factor_db": 3.0}, r"k_factor_db: 3\.0 given for channel 'awgn'"),
        ({"channel": "rayleigh", "fading": "slot"}, "fading: 'slot' is not known"),
        ({"channel": "rayleigh", "csi": "estimated"}, "num_pilots: 0 given with csi='estimated'"),
        ({"channel": "rayleigh", "num_pilots": 2}, "num_pilots: 2 given with csi='perfect'"),
        ({"channel": "rayleigh", "fading": "symbol", "csi": "estimated", "num_pilots": 1}, "csi: 'estim"),
        ({"channel": "rayleigh", "num_streams": 2}, "num_streams: 2 streams given with num_rx_ant=1"),
        ({"channel": "rayleigh", "num_streams": 5, "num_rx_ant": 8}, "num_streams: 5 is outside"),
        ({"channel": "rayleigh", "csi": "none", "num_rx_ant": 2}, "num_rx_ant: 2 given with csi='none'"),
        ({"channel": "awgn", "num_streams": 2, "num_rx_ant": 2}, "num_streams: 2 given for channel 'awgn'"),
        ({"channel": "rayleigh", "equalizer": "mmse"}, "did you mean 'lmmse'"),
    ],
)
def test_settings_that_cannot_work_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        FlatAirInterface(**options)
