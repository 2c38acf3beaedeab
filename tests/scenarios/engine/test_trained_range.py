"""SNRs outside the range that weights were trained for: warned of, and run."""

import json
import warnings

import pytest

from tokencom.scenarios import run
from tokencom.scenarios.engine import training
from tokencom.scenarios.engine.trained_range import outside_training, trained_range
from tokencom.scenarios.schema import load_scenario, trained
from tokencom.scenarios.schema.scenario import Scenario

CODEC = {"type": "deepjscc", "channels": 2, "filters": [2, 2, 2, 2], "kernel_size": 3}
TILES = {"type": "photo_tiles", "size": 32, "resolution": 32}


def stage(name, snr_db, **changes):
    return {"name": name, "trainable": ["link.codec"], "steps": 1, "batch_size": 1, "snr_db": snr_db, **changes}


def scenario(snr_db, stages=None, weights=None):
    stages = [stage("one", [0, 5]), stage("two", [3, 10])] if stages is None else stages
    link = {"type": "jscc", "codec": CODEC} | ({} if weights is None else {"weights": weights})
    return Scenario.model_validate({
        "name": "range", "task": {"type": "pictures", "data": TILES, "num_items": 2},
        "air": {"type": "flat", "channel": "awgn"},
        "schemes": [{"name": "codec", "type": "token", "link": link, "training": {"data": TILES, "stages": stages}}],
        "sweep": {"snr_db": list(snr_db)}, "stop": {"batch_size": 2},
    })  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKENCOM_CACHE", str(tmp_path / "cache"))


def test_the_range_is_that_of_all_stages_with_the_air_in_them():
    plan = scenario([0])
    assert trained_range(plan, plan.schemes[0]) == (0, 10)
    alone = stage("alone", [-50, 50], losses={"clean": 1.0})
    plan = scenario([0], [alone, stage("air", [-1, 1])])
    assert trained_range(plan, plan.schemes[0]) == (-1, 1)
    plan = scenario([0], [alone])
    assert trained_range(plan, plan.schemes[0]) is None


def test_what_lies_outside_is_warned_of_once_and_run(tmp_path):
    with pytest.warns(RuntimeWarning) as caught:
        results = run(scenario([-3, 0, 10, 12]), tmp_path / "run", workers=0, progress=False)
    (text,) = [str(one.message) for one in caught if "trained for" in str(one.message)]
    assert text == "scheme 'codec': snr_db -3, 12 dB lies outside the 0 to 10 dB that its weights were trained for"
    assert [point["snr_db"] for point in results.points] == [-3, 0, 10, 12]
    assert results.has("codec", "psnr")


def test_inside_the_range_nothing_is_warned_of(tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*trained for.*")
        run(scenario([0, 10]), tmp_path / "run", workers=0, progress=False)


def test_the_card_of_named_weights_tells(tmp_path):
    (job,) = training.jobs(scenario([0]))
    training.make(job, progress=False, tensorboard=False)
    from tokencom.scenarios.engine.weight_files import write_weights

    path = write_weights(job, tmp_path, bits=32)
    plan = scenario([-2, 0], weights=str(path))
    assert trained_range(plan, plan.schemes[0]) == (0, 10)
    assert len(outside_training(plan)) == 1
    card = path.with_suffix(".json")
    held = json.loads(card.read_text(encoding="utf-8"))
    card.write_text(json.dumps({key: value for key, value in held.items() if key != "stages"}), encoding="utf-8")
    assert outside_training(plan) == []
    card.unlink()
    assert outside_training(plan) == []


def test_shipped_weights_and_those_of_another_scheme():
    codecs = load_scenario("image/jscc")
    assert trained_range(codecs, codecs.scheme("DeepJSCC")) == (0, 20)
    assert outside_training(codecs)[0].startswith("scheme 'DeepJSCC': snr_db -4 dB lies outside the 0 to 20 dB")
    unified = load_scenario("unitocom/unified")
    scheme = unified.scheme("speech")
    assert trained.source_of(unified, scheme).name == "UniToCom"
    assert trained_range(unified, scheme) == (-6, 20)
    assert outside_training(unified) == []


def test_a_classical_chain_and_bits_have_no_range():
    digits = load_scenario("unitocom/fig2c_asr")
    assert trained_range(digits, digits.scheme("Opus 6 kb/s + LDPC 16-QAM")) is None
    assert trained_range(digits, digits.scheme("UniToCom")) == (-6, 20)
    assert outside_training(load_scenario("ber/codes_awgn")) == []
