"""Training of the image codecs, and what their weights are refused for."""

import json

import pytest
import torch

from tokencom.linklevel import Draws, FlatAirInterface
from tokencom.scenarios.image.train_jscc import SIZE, save, train_codec
from tokencom.scenarios.schema import JSCC

pytest.importorskip("accelerate")
pytest.importorskip("safetensors")

CODEC = {"type": "deepjscc", "channels": 4, "filters": [4, 4, 4, 4], "adaptation": "film"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    ramp = torch.linspace(0, 255, 32).to(torch.uint8)
    images = torch.stack([(ramp.expand(3, 32, 32) // (1 + number)) for number in range(8)])
    codec, result = train_codec(
        JSCC(codec=CODEC), images, steps=60, batch_size=8, learning_rate=1e-2, seed=3, folder=folder / "run",
        progress=False,
    )  # fmt: skip
    save(codec, result.card, folder / "tiny")
    return codec, folder / "tiny.safetensors", images


def link_of(path, **changes):
    return JSCC(codec={**CODEC, **changes}, weights=str(path)).build(
        air=FlatAirInterface(channel="awgn"), shape=(*SIZE, 3)
    )


def test_it_learns_and_its_weights_come_back(trained):
    codec, path, images = trained
    link = link_of(path).eval()
    assert all(
        torch.equal(a, b) for a, b in zip(codec.state_dict().values(), link.codec.state_dict().values(), strict=True)
    )
    values = images.float() / 255.0
    untrained = JSCC(codec=CODEC).build(air=link.air, shape=(*SIZE, 3))
    with torch.no_grad():
        errors = [(each(values, 15.0, Draws(seed=1)).payload - values).square().mean() for each in (link, untrained)]
    assert errors[0] < 0.5 * errors[1]


def test_the_seed_of_the_initial_parameters_does_not_matter(trained):
    assert link_of(trained[1], seed=9).codec.state_dict().keys() == trained[0].state_dict().keys()


@pytest.mark.parametrize("changes", [{"channels": 6}, {"adaptation": "attention"}, {"activation": "gdn"}])
def test_another_configuration_is_refused(trained, changes):
    (name,) = changes
    with pytest.raises(ValueError, match=rf"link\.weights: .* of another configuration: link\.codec\.{name} is"):
        link_of(trained[1], **changes)


def test_another_size_is_refused(trained):
    with pytest.raises(ValueError, match=r"link\.size is \[32, 32\], not \[64, 64\]"):
        JSCC(codec=CODEC, weights=str(trained[1])).build(air=FlatAirInterface(channel="awgn"), shape=(64, 64, 3))


def test_a_file_without_its_card_is_refused(trained, tmp_path):
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes(trained[1].read_bytes())
    with pytest.raises(ValueError, match="needs its card beside it"):
        link_of(alone)


def test_a_damaged_file_is_refused(trained, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(trained[1].read_bytes()[:200])
    broken.with_suffix(".json").write_text(trained[1].with_suffix(".json").read_text())
    with pytest.raises(ValueError, match="cannot be read"):
        link_of(broken)


def test_the_card_says_what_made_them(trained):
    card = json.loads(trained[1].with_suffix(".json").read_text())
    assert card["seed"] == 3
    assert card["system"]["link"]["codec"]["channels"] == 4
    assert [air["channel"] for air in card["system"]["air"]] == ["awgn", "rayleigh"]
