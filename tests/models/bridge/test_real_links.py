"""Real links at cuts of a real model."""

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links.analog import AnalogLink
from tokencom.models.bridge import Cut, bridged

pytest.importorskip("transformers")


def rayleigh():
    air = FlatAirInterface(channel="rayleigh")
    fades, draw = [], air.fade
    air.fade = lambda *args: fades.append(draw(*args)) or fades[-1]
    return AnalogLink(air, dim=32, scale_range=(1e-4, 1e4)), fades


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_left_padding_and_single_tokens_cross_an_analog_link_under_one_fade(build, name):
    model, inputs = build(name)
    link, fades = rayleigh()
    cut = "model.layers.1" if name == "llama" else "model.language_model.layers.1"
    with bridged(model, {cut: link}, draws=Draws(seed=1), snr_db=150.0, generation="feedback") as session:
        ids = model.generate(**inputs, max_new_tokens=6, do_sample=False)
    # Without noise, scales of 16 bits move values by 1e-4; greedy choices of random models have larger margins.
    assert torch.equal(ids, model.generate(**inputs, max_new_tokens=6, do_sample=False))
    assert len(fades) == 6
    assert all(torch.equal(fade, fades[0]) for fade in fades)
    tokens = inputs["attention_mask"].sum(1) + 5
    assert torch.equal(session.channel_uses.payload, 16 * tokens)
    assert session.channel_uses.side_information.tolist() == [6 * link.num_header_symbols] * 2


def test_image_tokens_alone_cross_inside_the_language_model(build):
    model, inputs = build("llava")
    link, _ = rayleigh()
    cut = Cut(module="model.language_model.layers.0", positions="image")
    with bridged(model, {cut: link}, draws=Draws(seed=1), snr_db=10.0) as session:
        model(**inputs).logits.square().mean().backward()
    assert session.channel_uses.payload.tolist() == [64, 64]
    gradient = model.model.multi_modal_projector.linear_1.weight.grad
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0
    model.zero_grad()
