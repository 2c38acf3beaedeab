"""What tests of scenarios share."""

import itertools

import pytest

from tokencom.models.training import log
from tokencom.scenarios import load_scenario


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """No weights but the shipped ones."""
    monkeypatch.setenv("TOKENCOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(log, "_writer", lambda *_: None)  # TensorBoard's import takes its time


@pytest.fixture
def short_training():
    """Return a function: overrides by which the schemes of a scenario are trained a moment, but for some."""

    def overrides(name, skip=()):
        found = []
        for number, scheme in enumerate(load_scenario(name).schemes):
            training = scheme.training
            if training is None or not training.makes_weights or scheme.name in skip:
                continue
            path = f"schemes.{number}.training"
            for stage, change in itertools.product(
                range(len(training.stages)), ("steps=1", "warmup_steps=0", "batch_size=2")
            ):
                found.append(f"{path}.stages.{stage}.{change}")
            for place, data in enumerate(training.data):
                at = f"{path}.data" if len(training.data) == 1 else f"{path}.data.{place}"
                found.append(f"{at}.{_size_of(data)}=4")
        return found

    return overrides


def _size_of(data):
    """Return the path of how many items a generated data set has."""
    if hasattr(data, "captions"):
        return f"captions.{_size_of(data.captions)}"
    (name,) = {"num_images", "num_sentences", "num_clips"} & set(type(data).model_fields)
    return name
