"""The time domain against Sionna's blocks and against the frequency domain."""

import warnings

import numpy as np
import pytest
import torch
from sionna.phy.channel import ApplyTimeChannel, cir_to_time_channel, time_to_ofdm_channel
from sionna.phy.ofdm import OFDMDemodulator, OFDMModulator

from tokencom.linklevel.air import OFDMAirInterface, TDLChannel, UMiChannel
from tokencom.linklevel.draws import Draws

FC = 3.5e9
GRID = {"fft_size": 64, "cyclic_prefix_length": 24, "num_guard_carriers": (6, 5), "dc_null": True}


def make(speed=3.0, delay_spread=100e-9, **options):
    channel = TDLChannel(model="A", delay_spread=delay_spread, carrier_frequency=FC, speed=speed)
    return OFDMAirInterface(**{"channel": channel, "domain": "time", **GRID, **options})


def symbols(batch, count):
    return torch.randn(batch, count, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("speed", [0.0, 50.0])
def test_one_grid_equals_sionnas_blocks(speed):
    air = make(speed, num_streams=2, num_rx_ant=2)
    rg, domain, draws = air.grid.resource_grid, air._domain, Draws(seed=1)
    x = symbols(3, air.symbols_per_grid)
    tx = air.transmit(x, torch.full((3,), x.shape[1]))
    length = rg.num_time_samples + domain.num_taps - 1
    with draws.sionna("fade"):
        a, tau = domain._sampler(3, length, rg.bandwidth)
    h_time = domain.scale * cir_to_time_channel(
        rg.bandwidth, a[:, None, :, None], tau[:, None, None], domain.l_min, domain.l_max
    )
    x_time = OFDMModulator(rg.cyclic_prefix_length)(tx[:, 0, None])
    y_time = ApplyTimeChannel(rg.num_time_samples, domain.num_taps)(x_time, h_time)
    want = OFDMDemodulator(rg.fft_size, domain.l_min, rg.cyclic_prefix_length)(y_time)
    h = air.fade(3, 1, draws)
    ours = air.demodulate(air.propagate(tx, h))
    error = (ours[:, 0] - want[:, 0]).abs().square().mean() / want.abs().square().mean()
    # Path coefficients are interpolated over samples, off by -80 dB at most.
    assert float(error) < 1e-8
    response = time_to_ofdm_channel(h_time, rg, domain.l_min)[:, 0, :, 0]
    error = (domain.response(h)[:, 0] - response).abs().square().mean()
    assert float(error) < 1e-8


def test_grids_follow_each_other_without_a_gap():
    # Two grids in one go equal one signal of twice the length.
    air = make(30.0)
    rg, domain, draws = air.grid.resource_grid, air._domain, Draws(seed=2)
    x = symbols(2, 2 * air.symbols_per_grid)
    tx = air.transmit(x, torch.full((2,), x.shape[1]))
    h = air.fade(2, 2, draws)
    y = air.propagate(tx, h)
    x_time = OFDMModulator(rg.cyclic_prefix_length)(tx[:, :, 0].flatten(1, 2)[:, None, None])
    want = ApplyTimeChannel(2 * rg.num_time_samples, domain.num_taps)(x_time, h[:, 0][:, None, :, None])
    want = want[:, 0, 0, : 2 * rg.num_time_samples]
    torch.testing.assert_close(y[:, :, 0].flatten(1), want, rtol=1e-4, atol=1e-5)
    alone = air.propagate(tx[:, 1:], h[..., rg.num_time_samples :, :])[:, 0, 0]
    ring = (y[:, 1, 0] - alone).abs().square().mean(0)
    assert float(ring[: domain.num_taps].max()) > 1e-3
    assert float(ring[domain.num_taps :].max()) < 1e-9


@pytest.mark.parametrize("slots", ["continuous", "independent"])
def test_low_mobility_equals_the_frequency_domain(slots):
    time, frequency = make(slots=slots, num_rx_ant=2), make(slots=slots, num_rx_ant=2, domain="frequency")
    h_time = time._domain.response(time.fade(20, 2, Draws(seed=3)))
    h_frequency = frequency.fade(20, 2, Draws(seed=3))
    used = time.grid.subcarriers
    error = (h_time - h_frequency)[..., used].abs().square().mean()
    # The taps end 6 samples before and after the paths.
    assert float(error) < 0.01
    x = symbols(20, 2 * time.symbols_per_grid)
    received = [air(x, 0.01, Draws(seed=3)) for air in (time, frequency)]
    mse = [float(((r.symbols - x).abs().square() / (1 + r.no_eff) ** 2).median()) for r in received]
    assert mse[0] == pytest.approx(mse[1], rel=0.05)


def test_mean_gain_is_one_on_the_used_subcarriers():
    air = make(0.0, num_guard_carriers=(0, 0), dc_null=False, num_rx_ant=2)
    energy = air._domain.response(air.fade(3000, 1, Draws(seed=4)))[..., 0, :]
    energy = energy.abs().square().double().flatten(1).mean(1)
    bound = 4.1 * float(energy.std()) * np.sqrt(1 / 3000 + 1 / 20480)
    assert abs(float(energy.mean()) - 1) < bound
    # With the whole band in use the ends of the sinc that are cut off cost 0.1 dB.
    assert -0.2 < air.gain_db < -0.02


def test_high_speed_makes_subcarriers_interfere():
    x = symbols(20, make().symbols_per_grid)
    slow, fast = (make(speed, subcarrier_spacing=15e3)(x, 1e-6, Draws(seed=5)) for speed in (0.0, 150.0))
    error = [float((r.symbols - x).abs().square().median()) for r in (slow, fast)]
    assert error[1] > 10 * error[0]


def test_short_cyclic_prefix_warns_and_makes_symbols_interfere():
    with pytest.warns(UserWarning, match="cyclic_prefix_length: 0 given for a channel of 19 taps; below 18"):
        short = make(0.0, delay_spread=300e-9, cyclic_prefix_length=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        enough = make(0.0, delay_spread=300e-9, cyclic_prefix_length=short._domain.num_taps - 1)
    x = symbols(20, short.symbols_per_grid)
    error = [
        float((air(x, 1e-6, Draws(seed=6)).symbols - x).abs().square().median()) for air in (short, enough)
    ]
    assert error[0] > 100 * error[1]
    assert error[1] < 1e-4


def test_channel_longer_than_a_symbol_is_refused():
    with pytest.raises(ValueError, match="fft_size: 64 given for a channel of 90 taps"):
        make(channel=UMiChannel(carrier_frequency=FC), subcarrier_spacing=240e3)
