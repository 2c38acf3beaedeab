"""Receivers know nothing but what comes out of the air interface.

What the air hands over is replaced by the same numbers for every transmission; then what is delivered must
not depend on what was sent.
"""

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from tokencom.linklevel import (
    AnalogLink,
    DigitalLink,
    Draws,
    FlatAirInterface,
    JSCCLink,
    Link,
    SourceLink,
    Tokens,
)
from tokencom.linklevel.air import OFDMAirInterface, TDLChannel
from tokencom.linklevel.jscc import DeepJSCC, DenseCodec
from tokencom.linklevel.multiuser import DevicesLink, OrthogonalAccess, UplinkMIMO
from tokencom.linklevel.sources import JPEG, UTF8
from tokencom.models.baselines import SelectiveLink
from tokencom.scenarios import load_scenario, shipped

CHANNEL = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9)
AIRS = {
    "flat": lambda: FlatAirInterface(channel="rayleigh"),
    "ofdm": lambda: OFDMAirInterface(channel=CHANNEL, fft_size=24, csi="estimated", num_streams=2, num_rx_ant=2),
}


def bits(seed):
    return Draws(seed=seed).bits(3, 60)


def images(seed):
    return list(np.random.default_rng(seed).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8))


CASES = {
    "bits": (
        lambda air: DigitalLink(air=air, code="conv", num_bits_per_symbol=2, coderate=0.5, num_bits=60),
        bits(1), bits(2),
    ),
    "bytes": (
        lambda air: DigitalLink(air=air, code="ldpc5g", num_bits_per_symbol=4, coderate=0.5),
        [b"to be", b"or not to be"], [b"that is the question", b"whether"],
    ),
    "text": (
        lambda air: SourceLink(air=air, source=UTF8(), mcs=[(0.3, 2), (0.5, 4)], num_channel_uses=800),
        ["to be", "or not to be"], ["that is the question", "whether"],
    ),
    "image": (
        lambda air: SourceLink(
            air=air, source=JPEG(shape=(32, 32, 3)), mcs=[(0.5, 4)], num_channel_uses=3000
        ),
        images(1), images(2),
    ),
}  # fmt: skip


def silence(x_hat, no_eff):
    return torch.zeros_like(x_hat), torch.zeros_like(no_eff)


def noise(x_hat, no_eff):
    """The same for any number of symbols: each position's own."""
    parts = [Draws(seed=9).complex_normal("receiver", i, (4096,)) for i in range(-(-x_hat.shape[1] // 4096))]
    same = torch.cat(parts)[: x_hat.shape[1]].expand(x_hat.shape)
    return same.to(x_hat.dtype), torch.ones_like(no_eff)


def cut(link, replacement):
    """Let the link's receiver hear the same, whatever was sent."""
    receive = link.air.receive
    link.air.receive = lambda *args: replacement(*receive(*args))
    return link


def same(first, second):
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    return len(first) == len(second) and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("replacement", [silence, noise])
@pytest.mark.parametrize("air", AIRS)
@pytest.mark.parametrize("case", CASES)
def test_nothing_sent_shows_without_the_air(case, air, replacement):
    build, first, second = CASES[case]
    link = cut(build(AIRS[air]()), replacement)
    one, two = (link(payload, 30.0, Draws(seed=3)) for payload in (first, second))
    fresh = cut(build(AIRS[air]()), replacement)(second, 30.0, Draws(seed=3))
    for other in (two, fresh):
        assert same(one.payload, other.payload)
        assert torch.equal(one.ok, other.ok)
    assert not same(one.payload, first)
    if replacement is noise:
        assert not bool(one.ok.any())


@pytest.mark.parametrize("case", CASES)
def test_with_the_air_it_arrives(case):
    build, first, second = CASES[case]
    link = build(FlatAirInterface(channel="awgn"))
    one, two = link(first, 30.0, Draws(seed=3)), link(second, 30.0, Draws(seed=3))
    assert bool(one.ok.all() and two.ok.all())
    assert not same(one.payload, two.payload)


def test_decoders_take_what_was_received_and_nothing_else():
    for kind in (Link, DigitalLink, SourceLink):
        assert list(inspect.signature(kind.decode).parameters) == ["self", "received"]
        assert kind.forward is Link.forward


def tokens(seed):
    return Tokens(torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(seed)))


LEARNED = {
    "JSCC of images": (lambda air: JSCCLink(air, DeepJSCC(size=(32, 32), channels=4)), images(1), images(2)),
    "JSCC of tokens": (lambda air: JSCCLink(air, DenseCodec(dim=8, symbols_per_token=2)), tokens(1), tokens(2)),
    "analog tokens": (lambda air: AnalogLink(air, 8), tokens(1), tokens(2)),
    "selected tokens": (
        lambda air: SelectiveLink(air, DenseCodec(dim=8, symbols_per_token=2), num_selectable=4), tokens(1), tokens(2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("replacement", [silence, noise])
@pytest.mark.parametrize("air", AIRS)
@pytest.mark.parametrize("case", LEARNED)
def test_nothing_shows_without_the_air_through_learned_links(case, air, replacement):
    build, first, second = LEARNED[case]
    link = cut(build(AIRS[air]()).eval(), replacement)
    with torch.no_grad():
        one, two = (link(payload, 30.0, Draws(seed=3)).payload for payload in (first, second))
    if isinstance(first, Tokens):
        assert torch.equal(one.mask, two.mask)
        one, two = one.values, two.values
    assert same(one, two)


@pytest.mark.parametrize("replacement", [silence, noise])
@pytest.mark.parametrize("access", [OrthogonalAccess, UplinkMIMO])
def test_nothing_shows_without_the_air_from_several_devices(access, replacement):
    air = FlatAirInterface(channel="rayleigh", num_rx_ant=4)
    codecs = [DenseCodec(dim=8, symbols_per_token=2, seed=seed) for seed in (1, 2)]
    devices = [JSCCLink(air, codecs[0], length="known"), JSCCLink(air, codecs[1])]
    link = DevicesLink(devices, access(air, 2), num_tokens=[2]).eval()
    with torch.no_grad():
        arrived = [link(tokens(seed), 30.0, Draws(seed=3)).payload.values for seed in (1, 2)]
        assert not same(*arrived)
        transmit = link.users.access.transmit
        link.users.access.transmit = lambda *args: [
            replace(heard, **dict(zip(("symbols", "no_eff"), replacement(heard.symbols, heard.no_eff), strict=True)))
            for heard in transmit(*args)
        ]
        one, two = (link(tokens(seed), 30.0, Draws(seed=3)).payload for seed in (1, 2))
    assert torch.equal(one.mask, two.mask)
    assert same(one.values, two.values)


def test_links_of_shipped_scenarios_are_of_these_kinds():
    for name in shipped():
        for scheme in load_scenario(name).schemes:
            assert scheme.link.type in {"digital", "analog", "jscc", "jscc_selective", "devices"}, (name, scheme.name)
