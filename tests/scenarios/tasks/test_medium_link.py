from types import SimpleNamespace

import pytest
import torch

from tokencom.linklevel import Draws, FlatAirInterface, audit_link
from tokencom.linklevel.links import SourceLink
from tokencom.linklevel.sources import HuffmanText
from tokencom.scenarios.tasks.medium_link import MediumLink

TEXTS = ["Down, down, down.", "Curiouser and curiouser!"]


def samples():
    return [SimpleNamespace(id=str(number), inputs={"text": text}) for number, text in enumerate(TEXTS)]


def link():
    air = FlatAirInterface(channel="awgn")
    return MediumLink(SourceLink(air=air, source=HuffmanText(), mcs=[(0.5, 2)], num_channel_uses=400), "text")


def test_it_is_the_link_inside():
    outer, draws = link(), Draws(seed=1)
    ours, theirs = outer(samples(), 20.0, draws), outer.link(TEXTS, 20.0, draws)
    assert list(ours.payload) == list(theirs.payload) == TEXTS
    assert torch.equal(ours.channel_uses.total, theirs.channel_uses.total)
    assert list(outer.clean(samples(), 20.0)) == TEXTS
    assert list(outer.blind(samples())) == list(outer.link.blind(TEXTS))
    assert outer.encode(samples(), torch.full((2,), 20.0)).num_symbols.tolist() == [400, 400]


def test_it_can_be_audited():
    assert audit_link(link(), samples() * 20, 10.0, Draws(seed=1), 100).ok


def test_samples_without_the_medium():
    with pytest.raises(ValueError, match="sample 'a' has no text"):
        link()([SimpleNamespace(id="a", inputs={"image": None})], 0.0, Draws(seed=1))
    with pytest.raises(ValueError, match="medium: 'txt' is not known"):
        MediumLink(link().link, "txt")
