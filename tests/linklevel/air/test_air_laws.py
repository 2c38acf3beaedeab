"""Laws that every air interface keeps."""

import pytest
import torch

from tokencom.linklevel.air import (
    AirInterface,
    CDLChannel,
    FlatAirInterface,
    OFDMAirInterface,
    Received,
    TDLChannel,
    UMiChannel,
)
from tokencom.linklevel.draws import Draws

TDL = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9, speed=3.0)
CDL = CDLChannel(model="C", delay_spread=100e-9, carrier_frequency=3.5e9, speed=3.0)
UMI = UMiChannel(carrier_frequency=3.5e9)
SMALL = {"fft_size": 32, "num_ofdm_symbols": 4, "pilot_ofdm_symbol_indices": (1,), "cyclic_prefix_length": 16}

AIRS = {
    "awgn": (FlatAirInterface, {"channel": "awgn"}),
    "awgn-estimated": (FlatAirInterface, {"csi": "estimated", "num_pilots": 3, "num_rx_ant": 2}),
    "rayleigh": (FlatAirInterface, {"channel": "rayleigh"}),
    "rayleigh-symbol": (FlatAirInterface, {"channel": "rayleigh", "fading": "symbol", "num_rx_ant": 2}),
    "rayleigh-none": (FlatAirInterface, {"channel": "rayleigh", "csi": "none"}),
    "rician-mimo": (
        FlatAirInterface,
        {"channel": "rician", "k_factor_db": 3.0, "num_streams": 3, "num_rx_ant": 4, "equalizer": "lmmse",
         "csi": "estimated", "num_pilots": 2},
    ),
    "tdl": (OFDMAirInterface, {"channel": TDL, **SMALL}),
    "tdl-guards": (
        OFDMAirInterface,
        {"channel": TDL, **SMALL, "num_guard_carriers": (3, 2), "dc_null": True, "csi": "estimated"},
    ),
    "tdl-no-pilots": (OFDMAirInterface, {"channel": TDL, **SMALL, "pilot_pattern": "none"}),
    "tdl-none": (OFDMAirInterface, {"channel": TDL, **SMALL, "csi": "none"}),
    "tdl-independent": (OFDMAirInterface, {"channel": TDL, **SMALL, "slots": "independent"}),
    "tdl-mimo": (
        OFDMAirInterface,
        {"channel": TDL, **SMALL, "num_streams": 4, "num_rx_ant": 4, "csi": "estimated",
         "estimator": "lmmse"},
    ),
    "tdl-time": (OFDMAirInterface, {"channel": TDL, **SMALL, "domain": "time"}),
    "tdl-time-independent": (
        OFDMAirInterface,
        {"channel": TDL, **SMALL, "domain": "time", "slots": "independent", "num_streams": 2,
         "num_rx_ant": 2, "csi": "estimated", "equalizer": "zf"},
    ),
    "cdl": (
        OFDMAirInterface,
        {"channel": CDL, **SMALL, "num_streams": 2, "num_rx_ant": 2, "equalizer": "mf"},
    ),
    "umi": (OFDMAirInterface, {"channel": UMI, **SMALL, "num_rx_ant": 2, "csi": "estimated"}),
}


@pytest.fixture(params=AIRS, name="air")
def _air(request) -> AirInterface:
    kind, options = AIRS[request.param]
    return kind(**options)


def symbols(batch, width, seed=0, dtype=torch.complex64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, width, dtype=dtype, generator=generator)


def width_of(air):
    """Two grids and a bit."""
    return 2 * air.symbols_per_grid + 7


def test_shape_and_dtype(air):
    x = symbols(3, width_of(air))
    received = air(x, 0.1, Draws(seed=1))
    assert isinstance(received, Received)
    assert received.symbols.shape == received.no_eff.shape == x.shape
    assert received.no.shape == (3,)
    assert received.symbols.dtype == torch.complex64
    assert received.no_eff.dtype == torch.float32
    assert bool(torch.isfinite(received.symbols).all())
    assert bool((received.no_eff > 0).all())


def test_same_draws_give_the_same_bits_and_others_do_not(air):
    x = symbols(3, 40)
    first, again = air(x, 0.1, Draws(seed=1)), air(x, 0.1, Draws(seed=1))
    assert torch.equal(first.symbols, again.symbols)
    assert torch.equal(first.no_eff, again.no_eff)
    for other in (Draws(seed=2), Draws(seed=1, batch=1), Draws(seed=1, point=5)):
        assert not torch.equal(first.symbols, air(x, 0.1, other).symbols)


def test_items_fade_by_themselves(air):
    h = air.fade(5, 1, Draws(seed=3))
    if h is not None:
        energy = h.abs().square().flatten(1).sum(1)
        assert len(torch.unique(energy)) == 5


def test_schemes_of_different_lengths_share_fade_and_noise(air):
    x = symbols(3, width_of(air))
    long, draws = air(x, 0.1, Draws(seed=4)), Draws(seed=4)
    count = air.symbols_per_grid
    short = air(x[:, : air.symbols_per_grid], 0.1, draws)
    torch.testing.assert_close(short.symbols[:, :count], long.symbols[:, :count], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(short.no_eff[:, :count], long.no_eff[:, :count], rtol=1e-3, atol=1e-3)


def test_radiated_energy_is_that_of_symbols_and_pilots(air):
    width = width_of(air)
    num_symbols = torch.tensor([width, air.symbols_per_grid - 1, 1, 0])
    x = symbols(4, width)
    x = torch.where(torch.arange(width) < num_symbols[:, None], x, 0)
    tx = air.transmit(x, num_symbols)
    uses = air.channel_uses(num_symbols)
    energy = tx.abs().square().flatten(1).sum(1)
    torch.testing.assert_close(energy, x.abs().square().sum(1) / air.num_streams + uses.pilots)
    pilots = air.transmit(torch.zeros_like(x), num_symbols).abs().square().sum(2)
    torch.testing.assert_close(pilots[pilots > 0], torch.ones(int(uses.pilots.sum())))


def test_every_element_that_radiates_is_counted(air):
    width = width_of(air)
    num_symbols = torch.tensor([width, air.symbols_per_grid - 1, 1, 0])
    x = torch.where(torch.arange(width) < num_symbols[:, None], symbols(4, width), 0)
    used = (air.transmit(x, num_symbols).abs().square().sum(2) > 0).flatten(1).sum(1)
    uses = air.channel_uses(num_symbols, num_side=num_symbols.clamp(max=5))
    assert torch.equal(used, uses.total)
    assert bool((uses.airtime >= uses.total).all())
    assert bool((uses.side_information[:2] > 0).all())
    with pytest.raises(ValueError, match="num_side"):
        air.channel_uses(num_symbols, num_side=num_symbols + 1)


def test_noise_has_its_variance_at_every_antenna_and_item(air):
    no = torch.tensor([0.01, 1.0, 7.0])
    x = torch.zeros(3, 16 * air.symbols_per_grid, dtype=torch.complex64)
    tx = air.transmit(x, torch.zeros(3, dtype=torch.int64))
    silence = air.propagate(tx, air.fade(3, 16, Draws(seed=5)))
    noise = air.add_noise(silence, no, Draws(seed=5)).abs().square().double()
    variance = noise.transpose(1, 2).flatten(2).mean(2)
    samples = noise[0, :, 0].numel()
    assert bool(((variance / no[:, None] - 1).abs() < 5 * samples**-0.5).all())


def test_with_csi_symbols_come_back_as_sent(air):
    if air.equalizer == "mf":
        pytest.skip("a matched filter leaves the streams' interference")
    x = symbols(8, air.symbols_per_grid)
    error = (air(x, 1e-8, Draws(seed=6)).symbols - x).abs().square().median()
    # What is left is interpolation error at 3 m/s and, in the time domain, interference of symbols.
    assert float(error) < 1e-3 or not air.has_csi


def test_gradient_equals_finite_differences(air, request):
    kind, options = AIRS[request.node.callspec.params["air"]]
    air = kind(**options, precision="double")
    x = symbols(2, 20, dtype=torch.complex128).requires_grad_()
    weight = symbols(2, 20, seed=9, dtype=torch.complex128)
    num_symbols = torch.tensor([20, 11])

    def loss(x):
        received = air(x, 0.3, Draws(seed=7), num_symbols)
        assert received.symbols.dtype == torch.complex128
        return (weight.conj() * received.symbols).real.sum() + received.no_eff.sum()

    (gradient,) = torch.autograd.grad(loss(x), x)
    for item, index in ((0, 0), (0, 19), (1, 10)):
        for step in (1e-6, 1e-6j):
            moved = torch.zeros_like(x)
            moved[item, index] = step
            with torch.no_grad():
                slope = (loss(x + moved) - loss(x - moved)) / 2e-6
            want = gradient[item, index].real if step == 1e-6 else gradient[item, index].imag
            torch.testing.assert_close(slope, want, rtol=1e-5, atol=1e-7)
    assert bool((gradient[1, 11:] == 0).all())


def test_padding_is_not_sent(air):
    x = symbols(2, 30)
    num_symbols = torch.tensor([30, 12])
    changed = x.clone()
    changed[1, 12:] = 1e3
    first = air(x, 0.1, Draws(seed=8), num_symbols)
    second = air(changed, 0.1, Draws(seed=8), num_symbols)
    assert torch.equal(first.symbols, second.symbols)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_symbols_that_are_not_finite_are_refused(air, bad):
    x = symbols(2, 10)
    x[1, 3] = bad
    with pytest.raises(ValueError, match="x: 1 of 20 elements are NaN or infinite"):
        air(x, 0.1, Draws(seed=1))


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf")])
def test_noise_that_is_no_density_is_refused(air, bad):
    with pytest.raises(ValueError, match="no: "):
        air(symbols(2, 10), bad, Draws(seed=1))


def test_silence_and_no_noise_give_finite_numbers(air):
    received = air(torch.zeros(2, 10, dtype=torch.complex64), 0.0, Draws(seed=1))
    assert bool(torch.isfinite(received.symbols).all())
    assert bool(torch.isfinite(received.no_eff).all())


def test_wrong_shapes_and_real_symbols_are_refused(air):
    with pytest.raises(ValueError, match=r"x: shape \[10\] given"):
        air(symbols(1, 10)[0], 0.1, Draws(seed=1))
    with pytest.raises(ValueError, match="a complex dtype expected"):
        air(torch.ones(2, 10), 0.1, Draws(seed=1))
