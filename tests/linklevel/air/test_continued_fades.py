"""An item that is sent in several transmissions: its fade goes on where the last one ended."""

import dataclasses

import pytest
import torch

from tokencom.linklevel import Draws, FlatAirInterface, OFDMAirInterface
from tokencom.linklevel.air import TDLChannel

TDL = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9, speed=30.0)
AIRS = {
    "AWGN": FlatAirInterface(),
    "Rayleigh, block": FlatAirInterface(channel="rayleigh"),
    "Rayleigh, per symbol": FlatAirInterface(channel="rayleigh", fading="symbol"),
    "TDL, moving": OFDMAirInterface(channel=TDL, fft_size=24),
    "TDL, independent slots": OFDMAirInterface(channel=TDL, fft_size=24, slots="independent"),
}


@pytest.mark.parametrize("name", AIRS)
def test_two_transmissions_are_one_long_one(name):
    """The equalised symbols hold the fade, through the noise that it strengthens."""
    air, draws = AIRS[name], Draws(seed=3)
    width = air.symbols_per_grid
    x = torch.polar(torch.ones(4, 3 * width), torch.arange(3.0 * width).expand(4, -1))
    later = dataclasses.replace(draws, first_grid=1)
    whole = air(x, 0.1, draws).symbols
    parts = air(x[:, :width], 0.1, draws).symbols, air(x[:, width:], 0.1, later).symbols
    assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-4)
    assert not torch.allclose(air(x[:, width:], 0.1, draws).symbols, parts[1])


def test_fade_goes_on_in_the_time_domain():
    air = OFDMAirInterface(channel=TDL, fft_size=24, cyclic_prefix_length=6, domain="time")
    whole = air.fade(4, 3, Draws(seed=3))
    later = air.fade(4, 2, Draws(seed=3, first_grid=1))
    assert torch.allclose(whole[..., -later.shape[-2] :, :], later, atol=1e-5)
    assert whole.shape[-2] - later.shape[-2] == 14 * (24 + 6)
