"""Links tell whether their receivers have a verdict on what arrived; where they say so, noise alone is found out."""

import pytest
import torch

from tokencom.linklevel import Draws, FlatAirInterface, Tokens
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import AnalogLink, DigitalLink, JSCCLink, QuantizedLink, SourceLink
from tokencom.linklevel.links.base import Link
from tokencom.linklevel.quantizers import UniformQuantizer
from tokencom.linklevel.sources import HuffmanText

AIR = FlatAirInterface(channel="awgn")
CODE = {"code": "conv", "num_bits_per_symbol": 2, "coderate": 0.5}
TOKENS = Tokens(torch.randn(64, 3, 4, generator=torch.Generator().manual_seed(1)))
NOISE_DB = -40.0


class Around(Link):
    """Sends through one of two links."""

    def __init__(self, *links: Link) -> None:
        super().__init__(links[0].air)
        self.links, self.first, self.second = links, links[0], links[-1]

    def encode(self, payload, snr_db):
        return self.first.encode(payload, snr_db)

    def decode(self, received):
        return self.first.decode(received)


def quantized(**more):
    return QuantizedLink(AIR, UniformQuantizer(dim=4, num_bits=2), max_num_tokens=3, **CODE, **more)


def codec():
    return DenseCodec(dim=4, symbols_per_token=4, encoder_hidden=8, decoder_hidden=8)


# Nothing to check: lengths are known and there is no CRC.
WITHOUT = {
    "jscc": lambda: JSCCLink(AIR, codec(), length="known"),
    "analog": lambda: AnalogLink(AIR, 4, length="known", scale="none"),
    "analog, scale sent": lambda: AnalogLink(AIR, 4, length="known"),
    "quantized": lambda: quantized(length="known", crc=None),
}
WITH = {
    # Three of four lengths that two bits can say are too long for the one token that is sent.
    "jscc": lambda: JSCCLink(AIR, codec(), max_num_tokens=3),
    "analog": lambda: AnalogLink(AIR, 4, max_num_tokens=3, scale="none"),
    "quantized": lambda: quantized(length="known"),
}


@pytest.mark.parametrize("make", WITHOUT.values(), ids=WITHOUT)
def test_without_a_verdict_noise_is_never_found_out(make):
    link = make()
    assert not link.has_verdict
    assert not Around(link).has_verdict
    assert bool(link(TOKENS, NOISE_DB, Draws(seed=1)).ok.all())


@pytest.mark.parametrize("make", WITH.values(), ids=WITH)
def test_with_a_verdict_noise_is_found_out(make):
    link = make()
    assert link.has_verdict
    # At least half of the items are found out with probability one half each: none of 64 with 5e-20.
    one = Tokens(TOKENS.values[:, :1])
    assert not bool(link(one, NOISE_DB, Draws(seed=1)).ok.all())


def test_links_for_bits_bytes_and_files():
    assert DigitalLink(air=AIR, num_bits=20, **CODE).has_verdict
    assert DigitalLink(air=AIR, crc=None, **CODE).has_verdict
    assert not DigitalLink(air=AIR, crc=None, num_bits=20, **CODE).has_verdict
    assert SourceLink(air=AIR, source=HuffmanText(), mcs=[(0.5, 2)], num_channel_uses=300).has_verdict


def test_one_link_with_a_verdict_is_enough_for_a_link_around():
    assert Around(WITHOUT["jscc"](), WITH["quantized"]()).has_verdict
    assert not Around(WITHOUT["jscc"](), WITHOUT["quantized"]()).has_verdict
