"""Uncoded tokens."""

from functools import lru_cache

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface, OFDMAirInterface, TDLChannel
from tokencom.linklevel.audit import audit_link
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links.analog import AnalogLink
from tokencom.linklevel.tokens import Tokens

AIR = FlatAirInterface(channel="rayleigh")
AWGN = FlatAirInterface(channel="awgn")
CHANNEL = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9)
GRID = {"fft_size": 24, "num_ofdm_symbols": 7, "pilot_ofdm_symbol_indices": (2,), "csi": "estimated"}
DRAWS = Draws(seed=1)


def tokens(*lengths, dim=8, scale=1.0, dtype=torch.float32) -> Tokens:
    generator = torch.Generator().manual_seed(3)
    values = scale * torch.randn(len(lengths), max(lengths), dim, generator=generator, dtype=dtype)
    return Tokens(values, torch.arange(max(lengths)) < torch.tensor(lengths)[:, None])


def link(air=AIR, dim=8, **options) -> AnalogLink:
    return AnalogLink(air, dim, **{"max_num_tokens": 63, **options})


@pytest.mark.parametrize("dim", [1, 2, 7, 8])
@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_without_noise_tokens_arrive_within_the_resolution_of_the_scale(dim, scale):
    payload = tokens(5, 2, dim=dim, scale=scale)
    for received in (link(AWGN, dim)(payload, 120.0, DRAWS).payload, link(AWGN, dim).clean(payload, 10.0)):
        error = received.values - payload.values * payload.mask[..., None]
        assert error.abs().max() <= 3e-4 * payload.values.abs().max()


def test_channel_uses():
    reception = link()(tokens(5, 2, dim=8), 10.0, DRAWS)
    assert reception.channel_uses.payload.tolist() == [20, 8]
    # 6 bits of length and 16 of scale in blocks of 6 bits and 16 symbols
    assert reception.channel_uses.side_information.tolist() == [64, 64]
    assert link().num_channel_uses(5) == 84
    bare = link(dim=7, length="known", scale="none")(tokens(5, 2, dim=7), 10.0, DRAWS)
    assert bare.channel_uses.total.tolist() == [20, 8]


def test_the_error_is_that_of_a_linear_receiver():
    payload = tokens(*[60] * 40, dim=50, scale=3.0)
    received = link(AWGN, 50)(payload, 3.0, DRAWS).payload.values
    error = (received - payload.values).square().mean() / payload.values.square().mean()
    # E|x̂ - x|² of the LMMSE estimate at N0 is N0 / (1 + N0); 60,000 symbols know it to 2 % (4.9 deviations).
    no = 10**-0.3
    assert float(error) == pytest.approx(no / (1 + no), rel=0.02)


def test_an_item_of_unit_power_needs_no_scale():
    payload = tokens(5, 2, scale=100.0)
    received = link(AWGN, scale="none")(payload, 120.0, DRAWS).payload
    energy = received.values.square().sum((1, 2)) / (received.num_tokens * 4)
    torch.testing.assert_close(energy, torch.ones(2), atol=1e-4, rtol=0)


def test_padding_and_neighbours_make_no_difference():
    payload, one = tokens(5, 2), link()
    first = one(payload, 10.0, DRAWS).payload
    values = torch.full((2, 9, 8), torch.nan)
    values[1, :2] = payload.values[1, :2]
    values[0] = 7.0
    mask = torch.arange(9) < torch.tensor([9, 2])[:, None]
    second = one(Tokens(values, mask), 10.0, DRAWS).payload
    torch.testing.assert_close(second.values[1, :2], first.values[1, :2])


@lru_cache
def air(name):
    if name == "ofdm":
        return OFDMAirInterface(channel=CHANNEL, **GRID, estimator="lmmse", precision="double")
    return FlatAirInterface(channel=name, precision="double")


@pytest.mark.parametrize("name", ["awgn", "rayleigh", "ofdm"])
@pytest.mark.parametrize("scale", ["none", "charged"])
def test_gradients_equal_finite_differences(scale, name):
    payload, one = tokens(5, 2, dtype=torch.float64), link(air(name), scale=scale)
    values = payload.values.clone().requires_grad_(True)
    generator = torch.Generator().manual_seed(5)
    weight, direction = (torch.randn(values.shape, generator=generator, dtype=torch.float64) for _ in range(2))
    direction = direction * payload.mask[..., None]
    if scale == "charged":  # along directions that leave the scale, a step function, as it is
        along = (direction * values.detach()).sum((1, 2)) / (values.detach() * payload.mask[..., None]).square().sum(
            (1, 2)
        )
        direction = direction - along[:, None, None] * values.detach() * payload.mask[..., None]

    def value(x):
        return (one(Tokens(x, payload.mask), 10.0, DRAWS).payload.values * weight).sum()

    value(values).backward()
    step = 1e-6
    with torch.no_grad():
        difference = float(value(values + step * direction) - value(values - step * direction)) / (2 * step)
    assert torch.isfinite(values.grad).all()
    assert float((values.grad * direction).sum()) == pytest.approx(difference, rel=1e-5)


def test_the_gradient_knows_that_the_scale_follows():
    payload, one = tokens(5, dtype=torch.float64), link(air("awgn"))
    values = payload.values.clone().requires_grad_(True)
    received = one(Tokens(values), 20.0, DRAWS).payload.values
    (received.square().sum()).backward()
    # Twice the tokens arrive as twice the tokens: x · ∂f/∂x = 2 f for a square.
    assert float((values.grad * values).sum()) == pytest.approx(2 * float(received.square().sum()), rel=1e-6)


@pytest.mark.parametrize("scale", ["none", "charged"])
def test_the_audit_passes(scale):
    report = audit_link(link(AWGN, scale=scale), tokens(60, 40, 20), 10.0, Draws(seed=5), 100)
    assert report.ok, str(report)


def test_half_precision_comes_back():
    payload = tokens(5, 2)
    reception = link()(Tokens(payload.values.bfloat16(), payload.mask), 10.0, DRAWS)
    assert reception.payload.values.dtype == torch.bfloat16


def test_blind_says_nothing_of_the_tokens():
    one = link()
    assert torch.equal(one.blind(tokens(5, 2)).values, one.blind(tokens(5, 2, scale=50.0)).values)


def test_bad_input():
    with pytest.raises(ValueError, match="all tokens of an item are zero"):
        link()(Tokens(torch.zeros(1, 2, 8)), 10.0, DRAWS)
    with pytest.raises(ValueError, match=r"root mean square .* given; the header can tell 0.001 to 1e\+03"):
        link()(tokens(2, scale=1e5), 10.0, DRAWS)
    with pytest.raises(ValueError, match="tokens of width 6 given; the link carries dim = 8"):
        link()(tokens(2, dim=6), 10.0, DRAWS)
    with pytest.raises(ValueError, match="scale: 'no' is not known"):
        link(scale="no")
    with pytest.raises(ValueError, match="scale_range"):
        link(scale_range=(2.0, 2.0))
