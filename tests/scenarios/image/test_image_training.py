"""Training of image codecs by a scenario, and what their weights are refused for."""

import json
import sys

import pytest
import torch

from tokencom.linklevel import Draws, FlatAirInterface
from tokencom.models.systems import ImageTraining
from tokencom.models.training import log
from tokencom.scenarios import load_scenario, run
from tokencom.scenarios.engine import RunError, compare_schemes
from tokencom.scenarios.engine.training import jobs, train_missing
from tokencom.scenarios.engine.weight_files import write_weights
from tokencom.scenarios.schema import JSCC, Scenario, trained
from tokencom.scenarios.schema.datasets import PhotoTiles

SIZE = (32, 32)
CODEC = {"type": "deepjscc", "channels": 4, "filters": [4, 4, 4, 4], "adaptation": "film"}
DATA = {"type": "photo_tiles", "size": 32, "resolution": 32}
STAGE = {"name": "codec", "trainable": ["link"], "steps": 60, "batch_size": 8, "learning_rate": 1e-2}
SCENARIO = {
    "name": "tiles",
    "seed": 3,
    "snr_db": 15,
    "task": {"type": "pictures", "data": DATA},
    "air": {"type": "flat"},
    "schemes": [
        {
            "name": "tiny",
            "type": "token",
            "link": {"type": "jscc", "codec": CODEC},
            "training": {
                "data": DATA,
                "air": [{"type": "flat"}, {"type": "flat", "channel": "rayleigh"}],
                "stages": [STAGE],
            },
        }
    ],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The scenario's link with trained weights, and the file and card of them."""
    folder = tmp_path_factory.mktemp("train")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKENCOM_CACHE", str(folder / "cache"))
        patch.setattr(log, "_writer", lambda *_: None)
        scenario = Scenario(**SCENARIO)
        train_missing(scenario)
        _, link = scenario.build("tiny")
        yield link.link, write_weights(jobs(scenario)[0], folder, bits=32)


def link_of(path, **changes):
    return JSCC(codec={**CODEC, **changes}, weights=str(path)).build(
        air=FlatAirInterface(channel="awgn"), shape=(*SIZE, 3)
    )


def test_it_learns_and_its_weights_come_back(made):
    trained_link, path = made
    link = link_of(path).eval()
    own, found = trained_link.codec.state_dict(), link.codec.state_dict()
    assert all(torch.equal(own[name], found[name]) for name in own)
    data = PhotoTiles(**DATA).build()
    values = torch.stack([torch.tensor(s.inputs["image"]).permute(2, 0, 1) / 255 for s in data])
    untrained = JSCC(codec=CODEC).build(air=link.air, shape=(*SIZE, 3)).eval()
    with torch.no_grad():
        errors = [(each(values, 15.0, Draws(seed=1)).payload - values).square().mean() for each in (link, untrained)]
    assert errors[0] < 0.75 * errors[1]


def test_the_loss_is_the_squared_error_over_both_channels():
    airs = [FlatAirInterface(channel="awgn"), FlatAirInterface(channel="rayleigh")]
    data = PhotoTiles(**DATA).build()
    link = JSCC(codec=CODEC).build(air=airs[0], shape=(*SIZE, 3)).eval()
    training = ImageTraining(link, data, airs=airs, seed=2)
    images, snr = training.batch(range(6)), torch.linspace(0.0, 10.0, 6)
    samples = training.items.samples(range(6))
    assert torch.equal(images[4], torch.tensor(samples[4].inputs["image"]).permute(2, 0, 1) / 255)
    found = training.losses(images, snr, Draws(seed=1, batch=5), ("mse",))["mse"]
    errors = []
    for number, air in enumerate(airs):
        rows = slice(3 * number, 3 * number + 3)
        arrived = link.through(air)(images[rows], snr[rows], Draws(seed=1, batch=10 + number)).payload
        errors.append((arrived - images[rows]).square())
    torch.testing.assert_close(found, torch.cat(errors).mean())


def test_the_seed_of_the_initial_parameters_does_not_matter(made):
    assert link_of(made[1], seed=9).codec.state_dict().keys() == made[0].codec.state_dict().keys()


@pytest.mark.parametrize("changes", [{"channels": 6}, {"adaptation": "attention"}, {"activation": "gdn"}])
def test_another_configuration_is_refused(made, changes):
    (name,) = changes
    with pytest.raises(ValueError, match=rf"link\.weights: .* of another configuration: link\.codec\.{name} is"):
        link_of(made[1], **changes)


def test_weights_serve_every_size(made):
    config = JSCC(codec=CODEC, weights=str(made[1]))
    link = config.build(air=FlatAirInterface(channel="awgn"), shape=(64, 48, 3)).eval()
    images = torch.rand(2, 3, 64, 48, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert link(images, 10.0, Draws(seed=1)).payload.shape == images.shape
    own, found = made[0].codec.state_dict(), link.codec.state_dict()
    assert all(torch.equal(own[name], found[name]) for name in own)


def test_a_file_without_its_card_is_refused(made, tmp_path):
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes(made[1].read_bytes())
    with pytest.raises(ValueError, match="needs its card beside it"):
        link_of(alone)


def test_a_damaged_file_is_refused(made, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(made[1].read_bytes()[:200])
    broken.with_suffix(".json").write_text(made[1].with_suffix(".json").read_text())
    with pytest.raises(ValueError, match="cannot be read"):
        link_of(broken)


def test_the_card_says_what_made_them(made):
    card = json.loads(made[1].with_suffix(".json").read_text())
    assert card["seed"] == 3
    assert card["system"]["link"]["codec"]["channels"] == 4
    assert card["system"]["air"] == [{"type": "flat"}, {"type": "flat", "channel": "rayleigh"}]


def test_the_shipped_scenario_says_how_its_weights_are_made():
    scenario = load_scenario("image/jscc")
    assert not any(scheme.trains for scheme in scenario.schemes[:2])
    again = load_scenario("image/jscc", ["schemes.0.link.weights=null", "schemes.0.training.seed=4"])
    assert again.scheme("DeepJSCC").trains
    (stage,) = trained.stages_of(again.scheme("DeepJSCC"))
    assert (stage.steps, stage.batch_size, stage.losses) == (2400, 32, {"mse": 1.0})


def results_of(folder, scheme):
    """Names of the metrics that the summary has of a scheme."""
    records = json.loads((folder / "summary.json").read_text())["results"]
    return {name for record in records if record["scheme"] == scheme for name in record["metrics"]}


FEW = ["sweep.snr_db=[4, 60]", "sweep.air.channel=[awgn]", "task.num_items=4"]


def test_hevc_is_drawn_at_its_smallest_budget_and_says_so(tmp_path):
    pytest.importorskip("pillow_heif", reason="extra 'hevc' is not installed")
    results = run(load_scenario("image/jscc", FEW), tmp_path / "out", workers=0, progress=False)
    names = [metric.name for metric in results.metrics]
    (hevc,) = (scheme for scheme in results.schemes if scheme.startswith("HEVC"))
    uses = dict(zip(results.schemes, results.value[:, 0, names.index("channel_uses")], strict=True))
    assert hevc.endswith(f", {uses.pop(hevc):.0f} uses")
    assert set(uses.values()) == {512}
    # 4.8 bits a channel use do not arrive at 4 dB, where capacity is 1.8, and do at 60 dB.
    psnr, clean = (results.value[results.schemes.index(hevc), :, names.index(name)] for name in ("psnr", "clean_psnr"))
    assert psnr[0] < clean[0] - 10
    assert psnr[1] == clean[1] > 25
    # Learned links have neither CRC nor header here: there are no block errors to draw or to compare.
    assert [results.has(scheme, "bler") for scheme in results.schemes] == [False, False, True, True, True]
    assert "bler" not in results_of(tmp_path / "out", "DeepJSCC")
    with pytest.raises(ValueError, match="scheme 'DeepJSCC' has no 'bler': its receiver has no verdict on blocks"):
        compare_schemes(load_scenario("image/jscc", FEW), tmp_path / "out", hevc, "DeepJSCC", "bler")
    differences = compare_schemes(load_scenario("image/jscc", FEW), tmp_path / "out", hevc, "DeepJSCC", "psnr")
    assert [difference.num_items for difference in differences] == [4, 4]


def test_the_budget_of_hevc_holds_the_smallest_file_of_every_tile():
    pytest.importorskip("pillow_heif", reason="extra 'hevc' is not installed")
    scenario = load_scenario("image/jscc")
    task, link = scenario.points()[0].scenario.build(scenario.schemes[-1].name)
    images = [task.data[number].inputs["image"] for number in range(0, len(task.data), 4)]
    # 804 serves the test images of CIFAR-10 too, whose largest of the smallest files has 479 bytes.
    assert link.link.smallest_budget(images) <= link.link.num_channel_uses == 804


def test_without_hevc_the_run_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(RunError, match=r"scheme 'HEVC.*pillow-heif.*pip install 'tokencom\[hevc\]'"):
        run(load_scenario("image/jscc", FEW), tmp_path / "out", workers=0, progress=False)
