"""OFDM links against chains written with Sionna's own blocks."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sionna.phy.channel import OFDMChannel
from sionna.phy.channel.tr38901 import CDL, TDL, PanelArray
from sionna.phy.mimo import StreamManagement
from sionna.phy.ofdm import (
    LMMSEEqualizer,
    LSChannelEstimator,
    MFEqualizer,
    RemoveNulledSubcarriers,
    ResourceGrid,
    ResourceGridMapper,
    ZFEqualizer,
)

from tokencom.linklevel.air import CDLChannel, OFDMAirInterface, TDLChannel
from tokencom.linklevel.draws import Draws

GRID = {"num_ofdm_symbols": 14, "fft_size": 64, "subcarrier_spacing": 30e3, "cyclic_prefix_length": 6,
        "num_guard_carriers": (4, 3), "dc_null": True}
EQUALIZERS = {"zf": ZFEqualizer, "lmmse": LMMSEEqualizer, "mf": MFEqualizer}
FC = 3.5e9


def sionna_chain(
    model, num_streams, *, no, batch, seed, estimated=True, equalizer="lmmse", gain_db=0.0
):
    """Symbols and their estimates by Sionna's blocks; streams of energy 1 each, so N0 is S times ours."""
    rg = ResourceGrid(
        **GRID, num_streams_per_tx=num_streams, pilot_pattern="kronecker", pilot_ofdm_symbol_indices=[2, 11]
    )
    management = StreamManagement(np.ones([1, 1]), num_streams)
    scale = 10 ** (-gain_db / 20)
    no = torch.tensor(no * num_streams / scale**2)
    with Draws(seed=seed).sionna("fade"):
        x = qpsk(batch * num_streams, rg.num_data_symbols, seed).reshape(batch, 1, num_streams, -1)
        y, h = OFDMChannel(model, rg, return_channel=True)(ResourceGridMapper(rg)(x), no)
    if estimated:
        h_hat, error = LSChannelEstimator(rg, interpolation_type="lin")(y, no)
    else:
        h_hat, error = RemoveNulledSubcarriers(rg)(h), torch.tensor(0.0)
    x_hat, no_eff = EQUALIZERS[equalizer](rg, management)(y, h_hat, error, no)
    return x.flatten(1), x_hat.flatten(1), no_eff.flatten(1)


def qpsk(batch, count, seed):
    bits = Draws(seed=seed).bits(batch, 2 * count)
    return torch.complex(*((1 - 2 * bits) / np.sqrt(2)).chunk(2, 1))


def errors_per_item(x, x_hat):
    """Bit error rate of each item."""
    wrong = (x.real * x_hat.real < 0).double() + (x.imag * x_hat.imag < 0).double()
    return wrong.mean(1) / 2


def same_mean(first, second):
    """Whether two samples of items have the same mean, with error probability 1e-4."""
    spread = np.sqrt(float(first.var()) / len(first) + float(second.var()) / len(second))
    return abs(float(first.mean() - second.mean())) < norm.isf(0.5e-4) * spread


@pytest.mark.parametrize("snr_db", [0.0, 10.0])
@pytest.mark.parametrize(
    ("num_streams", "num_rx_ant", "estimated"), [(1, 1, True), (1, 2, True), (2, 2, True), (2, 2, False)]
)
def test_tdl_has_the_error_rate_of_sionnas_blocks(num_streams, num_rx_ant, estimated, snr_db):
    batch, no = 1000, 10 ** (-snr_db / 10)
    model = TDL("A", 300e-9, FC, min_speed=10.0, num_tx_ant=num_streams, num_rx_ant=num_rx_ant)
    theirs = sionna_chain(model, num_streams, no=no, batch=batch, seed=1, estimated=estimated)
    air = OFDMAirInterface(
        channel=TDLChannel(model="A", delay_spread=300e-9, carrier_frequency=FC, speed=10.0), **GRID,
        csi="estimated" if estimated else "perfect", num_streams=num_streams, num_rx_ant=num_rx_ant,
    )
    x = qpsk(batch, air.symbols_per_grid, 2)
    ours = air(x, no, Draws(seed=3))
    assert same_mean(errors_per_item(x, ours.symbols), errors_per_item(*theirs[:2]))
    log = [torch.log(n).double().mean(1) for n in (ours.no_eff, theirs[2])]
    assert same_mean(*log)


@pytest.mark.parametrize("equalizer", ["zf", "lmmse", "mf"])
def test_cdl_mimo_has_the_error_rate_of_sionnas_blocks(equalizer):
    batch, no = 250, 0.03
    array = {"num_rows_per_panel": 1, "num_cols_per_panel": 1, "polarization": "dual",
             "polarization_type": "cross", "carrier_frequency": FC}
    model = CDL(
        "C", 100e-9, FC, bs_array=PanelArray(**array, antenna_pattern="38.901"),
        ut_array=PanelArray(**array, antenna_pattern="omni"), min_speed=3.0, max_speed=3.0,
    )
    air = OFDMAirInterface(
        channel=CDLChannel(model="C", delay_spread=100e-9, carrier_frequency=FC, speed=3.0), **GRID,
        csi="estimated", num_streams=2, num_rx_ant=2, equalizer=equalizer,
    )
    theirs = sionna_chain(model, 2, no=no, batch=batch, seed=1, equalizer=equalizer, gain_db=air.gain_db)
    x = qpsk(batch, air.symbols_per_grid, 2)
    ours = air(x, no, Draws(seed=3))
    assert same_mean(errors_per_item(x, ours.symbols), errors_per_item(*theirs[:2]))


def test_same_samples_give_the_same_estimates_as_sionnas_blocks():
    # Item for item: our received samples through Sionna's estimator and equaliser.
    air = OFDMAirInterface(
        channel=TDLChannel(model="B", delay_spread=100e-9, carrier_frequency=FC, speed=10.0), **GRID,
        csi="estimated", num_streams=2, num_rx_ant=3,
    )
    x, no, draws = qpsk(4, air.symbols_per_grid, 5), torch.full((4,), 0.1), Draws(seed=6)
    tx = air.transmit(x, torch.full((4,), x.shape[1]))
    y = air.add_noise(air.propagate(tx, air.fade(4, 1, draws)), no, draws)
    x_hat, no_eff = air.receive(y, None, no)
    rg = air.grid.resource_grid
    y = y * 2**0.5
    h_hat, error = LSChannelEstimator(rg, interpolation_type="lin")(y, 2 * no)
    want, want_no_eff = LMMSEEqualizer(rg, StreamManagement(np.ones([1, 1]), 2))(y, h_hat, error, 2 * no)
    torch.testing.assert_close(x_hat, want[:, 0].mT.flatten(1), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(no_eff, want_no_eff[:, 0].mT.flatten(1), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("domain", ["frequency", "time"])
@pytest.mark.parametrize("estimator", ["ls", "lmmse"])
def test_perfect_csi_is_not_worse_than_estimated(domain, estimator):
    channel = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=FC, speed=3.0)
    options = {**GRID, "cyclic_prefix_length": 20, "domain": domain, "num_rx_ant": 2}
    airs = [
        OFDMAirInterface(channel=channel, **options, csi=csi, estimator=estimator)
        for csi in ("perfect", "estimated")
    ]
    x = qpsk(200, airs[0].symbols_per_grid, 7)
    perfect, estimated = (errors_per_item(x, air(x, 0.3, Draws(seed=8)).symbols) for air in airs)
    gap = estimated - perfect
    assert float(gap.mean()) > -norm.isf(1e-4) * float(gap.std()) / np.sqrt(len(gap))
    assert float(gap.mean()) > 0


def test_error_matches_no_eff_with_perfect_csi():
    air = OFDMAirInterface(
        channel=TDLChannel(model="D", delay_spread=100e-9, carrier_frequency=FC), **GRID, num_streams=2,
        num_rx_ant=4,
    )
    x = qpsk(300, air.symbols_per_grid, 9)
    received = air(x, 0.1, Draws(seed=10))
    ratio = ((received.symbols - x).abs().square() / received.no_eff).double().mean(1)
    assert abs(float(ratio.mean()) - 1) < norm.isf(0.5e-4) * float(ratio.std()) / np.sqrt(300)
