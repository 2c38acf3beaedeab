"""Stages as a scenario describes them."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from tokencom.models.training import LoRA, ParameterGroup, Stage
from tokencom.scenarios.schema import ScenarioError, load_scenario
from tokencom.scenarios.schema.training import Stage as StageConfig
from tokencom.scenarios.schema.training import Training

GIVEN = {
    "name": "joint", "trainable": ["link.codec"], "lora": {"target_modules": ["q_proj"], "r": 4}, "steps": "1e3",
    "batch_size": 8, "accumulation": 2, "learning_rate": "2e-4", "groups": [{"pattern": "head", "learning_rate": 1e-5}],
    "losses": {"task": 1, "mse": 0.3}, "snr_db": [-2, 20], "precision": "bfloat16", "warmup_steps": 10,
}  # fmt: skip


def test_builds_the_stage_it_describes():
    assert StageConfig(**GIVEN).build() == Stage(
        name="joint",
        trainable=("link.codec",),
        lora=LoRA(target_modules=("q_proj",), r=4),
        steps=1000,
        batch_size=8,
        accumulation=2,
        learning_rate=2e-4,
        groups=(ParameterGroup(pattern="head", learning_rate=1e-5),),
        losses={"task": 1.0, "mse": 0.3},
        snr_db=(-2.0, 20.0),
        precision="bfloat16",
        warmup_steps=10,
    )


def test_defaults_are_those_of_the_stage():
    data = {"type": "text_synth"}
    built = Training(data=data, stages=[{"name": "a", "trainable": ["codec"], "steps": 5}]).build()
    assert built == (Stage(name="a", trainable=("codec",), steps=5),)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"trainable": [], "lora": None}, "trainable"),
        ({"warmup_steps": 2000}, "warmup_steps"),
        ({"accumulation": 3}, "accumulation"),
        ({"snr_db": [5, 1]}, "snr_db"),
        ({"snr_db": [5]}, "snr_db"),
        ({"losses": {"mse": 0}}, "losses"),
        ({"betas": [0.9, 1.0]}, "betas"),
        ({"gradient_clip": 0}, "gradient_clip"),
        ({"schedule": "cosin"}, "schedule"),
        ({"lora": {"target_modules": []}}, "target_modules"),
        ({"leaning_rate": 1e-3}, "leaning_rate"),
    ],
)
def test_refuses(change, field):
    with pytest.raises(ValidationError, match=field):
        StageConfig(**{**GIVEN, **change})


def test_stages_must_agree():
    with pytest.raises(ValidationError, match="earlier stage; names must differ"):
        Training(stages=[GIVEN, GIVEN])
    other = {**GIVEN, "name": "other", "lora": {"target_modules": ["v_proj"]}}
    with pytest.raises(ValidationError, match="all need the same"):
        Training(stages=[GIVEN, other])


def test_reading_stages_is_light():
    code = (
        "from tokencom.scenarios.schema.training import Training\n"
        "Training(data={'type': 'text_synth'}, stages=[{'name': 'a', 'trainable': ['codec'], 'steps': 5}]).build()\n"
        "import sys; assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_names_of_layers_are_told_as_what_they_are():
    with pytest.raises(ScenarioError, match=r"lora.target_modules: .*None"):
        load_scenario("tokcom_mlm/fig3_snr", ["schemes.2.training.stages.0.lora.target_modules=null"])
