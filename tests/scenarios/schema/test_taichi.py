"""TaiChi in scenario files."""

import pytest
from pydantic import TypeAdapter, ValidationError

from tokencom.scenarios.schema import load_scenario
from tokencom.scenarios.schema.systems import System


def system(**given):
    return TypeAdapter(System).validate_python({"type": "taichi", **given})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"projector": "mlp", "attention": "none", "seed": 3},
        {"question": "sent", "window": 3, "pooling": 2, "hidden": 8, "num_layers": 2},
    ],
)
def test_identity_is_what_the_system_says_of_itself(given):
    config = system(**given)
    built = config.build()
    assert config.identity() == built.configuration()
    assert built.config.seed == given.get("seed", 0)
    assert built.num_tokens == (16 if "pooling" in given else 64)


def test_paper_takes_other_language_models_and_folders():
    config = system(preset="paper", language="qwen2.5-14b", low_source="/models/clip", num_layers=12)
    found = config.identity()
    assert found["language"]["source"] == "Qwen/Qwen2.5-14B-Instruct"
    assert found["language"]["num_layers"] == 12
    assert found["low"]["source"] == "/models/clip"
    assert found != system(preset="paper").identity()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"window": 2}, "window"),
        ({"language": "gemma-2b"}, "preset paper"),
        ({"detail_source": "/models/convnext"}, "preset tiny"),
        ({"projector": "cnn"}, "projector"),
        ({"weights": "no_such_weights"}, "weights"),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        system(**given)


def test_one_override_changes_the_preset_of_all_systems():
    for name, preset in (("taichi/fig12_joint", "mini"), ("taichi/fig09_multimodal", "paper")):
        scenario = load_scenario(name, [f"preset={preset}"])
        assert {scheme.system.preset for scheme in scenario.schemes} == {preset}
