"""Rebuilt pictures: distances of their set, the units of their tokenizer, and comparisons of both."""

import math

import numpy as np
import pytest
import torch

from tokencom.linklevel import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links import AnalogLink
from tokencom.models.systems import SystemLink
from tokencom.models.unitocom.presets import preset
from tokencom.models.unitocom.system import UniToCom
from tokencom.models.unitocom.tokenizers import diagnose
from tokencom.scenarios.engine.columns import pack, unpack
from tokencom.scenarios.engine.worker import describe, run_batch
from tokencom.scenarios.metrics.token_units import STEP, UNIT_METRICS, unit_columns
from tokencom.scenarios.schema.data_tasks import Pictures
from tokencom.scenarios.schema.problems import ScenarioError
from tokencom.scenarios.schema.rules import RuleError
from tokencom.scenarios.statistics import paired_difference

COUNT = 70
OPTIONS = {
    "type": "pictures", "extras": ["frechet", "units"], "allow_few": True,
    "data": {"type": "clevr_synth", "num_images": COUNT, "questions_per_image": 1},
}  # fmt: skip


def link_of(kind):
    config = preset("tiny", tasks=["vqa"], kind=kind, objective="reconstruction", tokenizer_hidden=8)
    system = UniToCom(config).eval()
    return SystemLink(system, AnalogLink(FlatAirInterface(channel="awgn"), 16, length="known"))


@pytest.fixture(scope="module")
def task():
    return Pictures.model_validate(OPTIONS).build()


@pytest.fixture(scope="module")
def columns(task):
    """Columns of two tokenizers at 60 dB."""
    links = {kind: link_of(kind) for kind in ("sigma_genib", "vae")}
    return {k: unpack(pack(run_batch(task, link, 60.0, Draws(seed=1), COUNT))) for k, link in links.items()}


def test_all_metrics_are_there_and_references_have_no_units(task):
    names = set(describe(task, link_of("vae")).metrics)
    assert {"psnr", "frechet_few", "kid", "clean_frechet_few", "blind_kid", *UNIT_METRICS} <= names
    assert not names & {f"clean_{name}" for name in UNIT_METRICS}


def test_units_are_those_of_the_diagnosis(task, columns):
    for kind, own in columns.items():
        tokenizer = link_of(kind).system.senders["image"].tokenizer
        found = diagnose(tokenizer, tokenizer.collate([task.data[i].inputs["image"] for i in range(COUNT)]))
        value = {name: metric.estimate(own) for name, metric in UNIT_METRICS.items()}
        assert value["active_units"].count == found.num_units == 256
        # rounding to 0.01 moves variances by less than 0.002, so only those next to the bound may change sides
        close = int((abs(found.signal - 0.01) < 0.002).sum())
        assert abs(value["active_units"].value - found.active_units) <= close
        assert value["token_variance"].value == pytest.approx(float(found.signal.mean()), rel=0.02, abs=STEP**2)
        assert value["token_noise"].value == pytest.approx(float(found.noise.mean()), rel=1e-5)
        assert value["active_units"].low <= value["active_units"].value <= value["active_units"].high


def test_differences_are_paired_and_of_opposite_sign(task, columns):
    a, b = columns["sigma_genib"], columns["vae"]
    for name in ("frechet_few", "kid", "active_units", "token_variance"):
        metric = task.metrics[name]
        one, other = paired_difference(metric, a, b), paired_difference(metric, b, a)
        assert one.value == pytest.approx(metric.estimate(a).value - metric.estimate(b).value, abs=1e-9)
        assert one.value == pytest.approx(-other.value, abs=1e-9)
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)
        assert one.low <= one.value <= one.high
        same = paired_difference(metric, a, a)
        assert (same.value, same.low, same.high) == (0, 0, 0)


def test_a_system_without_a_tokenizer_has_no_units(task):
    with pytest.raises(ValueError, match="'units' given, but Identity has no tokenizer"):
        unit_columns(torch.nn.Identity(), [task.data[0]])


def test_few_pictures_and_data_without_a_training_part_are_refused():
    few = Pictures.model_validate({**OPTIONS, "allow_few": False})
    with pytest.raises(ValueError, match=r"num_items: 70 produced.*5000"):
        few.build()
    with pytest.raises((RuleError, ScenarioError, ValueError), match="needs a training part"):
        Pictures.model_validate({**OPTIONS, "data": {"type": "photo_tiles"}})


def test_one_item_has_no_variance():
    found = UNIT_METRICS["active_units"].estimate({"unit_00000": np.array([3]), "unit_00001": np.array([4])})
    assert math.isnan(found.value)
    assert found.count == 2
