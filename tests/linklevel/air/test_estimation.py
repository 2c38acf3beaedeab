"""Channel estimators against Sionna's and against the error that they promise."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sionna.phy.channel import OFDMChannel
from sionna.phy.channel.tr38901 import TDL
from sionna.phy.ofdm import LMMSEChannelEstimator, LSChannelEstimator, ResourceGridMapper

from tokencom.linklevel.air import CDLChannel, OFDMAirInterface, TDLChannel
from tokencom.linklevel.air.covariance import covariance
from tokencom.linklevel.air.estimation import PilotEstimator
from tokencom.linklevel.air.grid import Grid
from tokencom.linklevel.draws import Draws

CHANNEL = TDLChannel(model="A", delay_spread=300e-9, carrier_frequency=3.5e9, speed=30.0)


def make_grid(num_streams=1, **options):
    options = {
        "num_ofdm_symbols": 14, "fft_size": 53, "subcarrier_spacing": 30e3, "cyclic_prefix_length": 6,
        "num_guard_carriers": (2, 2), "dc_null": True, "pilot_pattern": "kronecker",
        "pilot_ofdm_symbol_indices": (2, 11), "num_streams": num_streams, **options,
    }
    return Grid(**options)


def statistics(grid, channel=CHANNEL):
    return lambda: covariance(channel, 1, 1, grid.resource_grid)


def received(grid, no, batch=64, seed=1):
    """Pilots and QPSK through Sionna's own channel: y and the true response at the used elements."""
    rg = grid.resource_grid
    tdl = TDL(
        CHANNEL.model, CHANNEL.delay_spread, CHANNEL.carrier_frequency, min_speed=CHANNEL.speed,
        num_tx_ant=grid.num_streams, num_rx_ant=2,
    )
    with Draws(seed=seed).sionna("fade"):
        x = torch.ones(batch, 1, grid.num_streams, rg.num_data_symbols, dtype=torch.complex64)
        y, h = OFDMChannel(tdl, rg, return_channel=True)(ResourceGridMapper(rg)(x), torch.tensor(no))
    return y[:, 0], h[:, 0, :, 0][..., grid.subcarriers]


@pytest.mark.parametrize("pilots", [(2, 11), (5,), (0, 3, 13)])
@pytest.mark.parametrize("num_streams", [1, 2, 4])
@pytest.mark.parametrize("interpolation", ["nn", "lin", "lin_time_avg"])
def test_interpolators_equal_sionnas(interpolation, num_streams, pilots):
    grid = make_grid(num_streams, pilot_ofdm_symbol_indices=pilots)
    y, _ = received(grid, 0.1, batch=3)
    noise = torch.tensor([0.1, 0.2, 0.3])
    ours, error = PilotEstimator(grid, interpolation, statistics(grid))(y, noise)
    sionnas = LSChannelEstimator(grid.resource_grid, interpolation_type=interpolation)
    want, want_error = sionnas(y[:, None], noise)
    torch.testing.assert_close(ours, want[:, 0, :, 0], rtol=1e-4, atol=1e-5)
    want_error = want_error[:, 0, :, 0]
    torch.testing.assert_close(error.expand(want_error.shape), want_error, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("num_streams", [1, 2])
def test_lmmse_equals_sionnas_where_sionnas_is_exact(num_streams):
    # With one OFDM symbol of pilots the pass over time has nothing left to approximate.
    grid = make_grid(num_streams, pilot_ofdm_symbol_indices=(5,))
    y, _ = received(grid, 0.1, batch=3)
    noise = torch.tensor([0.05, 0.2, 1.0])
    r_t, r_f = (torch.tensor(r, dtype=torch.complex64) for r in statistics(grid)())
    ours, error = PilotEstimator(grid, "lmmse", statistics(grid))(y, noise)
    sionnas = LMMSEChannelEstimator(grid.resource_grid, r_t, r_f, order="f-t")
    want, want_error = sionnas(y[:, None], noise)
    torch.testing.assert_close(ours, want[:, 0, :, 0], rtol=1e-3, atol=1e-3)
    want_error = want_error[:, 0, :, 0]
    torch.testing.assert_close(error.expand(want_error.shape), want_error, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("no", [0.01, 0.3])
def test_lmmse_errs_no_more_than_sionnas_and_as_much_as_it_says(no):
    grid = make_grid(2)
    y, h = received(grid, no, batch=300)
    r_t, r_f = (torch.tensor(r, dtype=torch.complex64) for r in statistics(grid)())
    noise = torch.full((300,), no)
    h_hat, error = PilotEstimator(grid, "lmmse", statistics(grid))(y, noise)
    ours = (h_hat - h).abs().square().mean((1, 2, 3, 4)).double()
    sionnas, _ = LMMSEChannelEstimator(grid.resource_grid, r_t, r_f)(y[:20, None], noise[:20])
    theirs = (sionnas[:, 0, :, 0] - h[:20]).abs().square().mean((1, 2, 3, 4)).double()
    assert float(ours[:20].mean()) < 1.01 * float(theirs.mean())
    bound = norm.isf(0.5e-4) * float(ours.std()) / np.sqrt(300)
    assert abs(float(ours.mean()) - float(error.mean())) < bound


def test_better_knowledge_of_the_channel_estimates_better():
    grid = make_grid()
    y, h = received(grid, 0.1, batch=200)
    noise = torch.full((200,), 0.1)
    mse = {
        kind: float((PilotEstimator(grid, kind, statistics(grid))(y, noise)[0] - h).abs().square().mean())
        for kind in ("nn", "lin", "lmmse")
    }
    assert mse["lmmse"] < 0.5 * mse["lin"] < 0.5 * mse["nn"]


def test_estimated_covariance_matches_the_channel(monkeypatch):
    monkeypatch.setattr("tokencom.linklevel.air.covariance.NUM_DRAWS", 1024)
    # Against a plain average of outer products of drawn responses.
    channel = CDLChannel(model="C", delay_spread=300e-9, carrier_frequency=3.5e9, speed=60.0)
    grid = make_grid(fft_size=16, num_guard_carriers=(2, 1))
    r_t, r_f = covariance(channel, 1, 1, grid.resource_grid)
    air = OFDMAirInterface(
        channel=channel, fft_size=16, num_guard_carriers=(2, 1), dc_null=True, cyclic_prefix_length=6
    )
    h = air.fade(1000, 1, Draws(seed=3))[:, 0, 0, 0][..., air.grid.subcarriers].to(torch.complex128)
    for ours, outer in (
        (r_t, torch.einsum("btf,bsf->ts", h, h.conj()).numpy()),
        (r_f, torch.einsum("btf,btg->fg", h, h.conj()).numpy()),
    ):
        assert np.allclose(ours, ours.conj().T)
        assert np.abs(ours - outer / outer.diagonal().mean()).max() < 0.15
        assert np.allclose(np.diag(ours), 1.0)


def test_static_channel_has_constant_covariance_in_time(monkeypatch):
    monkeypatch.setattr("tokencom.linklevel.air.covariance.NUM_DRAWS", 128)
    channel = CDLChannel(model="D", delay_spread=100e-9, carrier_frequency=3.5e9)
    r_t, _ = covariance(channel, 1, 1, make_grid(fft_size=16).resource_grid)
    assert np.allclose(r_t, 1.0)


def test_grid_without_pilots_is_refused():
    grid = make_grid(pilot_pattern="none")
    with pytest.raises(ValueError, match="pilot_pattern: 'none' given with csi='estimated'"):
        PilotEstimator(grid, "lin", statistics(grid))


def test_unknown_interpolation_is_refused():
    with pytest.raises(ValueError, match="did you mean 'lin'"):
        PilotEstimator(make_grid(), "linear", statistics(make_grid()))
