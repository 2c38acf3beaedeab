"""The speech scenario and the program that trains its weights."""

import json
from pathlib import Path

import pytest
import torch

from tokencom.linklevel.draws import Draws
from tokencom.models.pretrained import available
from tokencom.models.systems import shipped_weights
from tokencom.scenarios.schema import load_scenario
from tokencom.scenarios.tokens import train_asr as program

pytest.importorskip("av", reason="extra 'data' is not installed")
pytest.importorskip("espeakng_loader", reason="extra 'speech' is not installed")
real = pytest.mark.skipif(not available("whisper-tiny.en"), reason="weights of Whisper are not installed")


@real
def test_both_schemes_run_at_equal_channel_uses() -> None:
    scenario = load_scenario("tokens/asr_whisper")
    uses, heard = {}, {}
    for scheme in scenario.schemes:
        task, link = scenario.points()[0].scenario.build(scheme.name)
        batch = task.batch(0, 2, Draws(seed=1))
        reception = link(batch, 40.0, Draws(seed=2))
        assert bool(reception.ok.all())
        assert len(reception.payload) == 2
        uses[scheme.name] = reception.channel_uses.total.tolist()
        heard[scheme.name] = task.judge.columns(batch, reception.payload)
    tokens, opus = uses.values()
    assert all(0.9 < a / b <= 1.0 for a, b in zip(tokens, opus, strict=True))
    for columns in heard.values():
        assert columns["word_errors"].sum() < columns["num_words"].sum()


def test_the_card_belongs_to_the_scenario() -> None:
    path = shipped_weights()["asr_whisper"]
    card = json.loads(path.with_suffix(".json").read_text())
    scenario = load_scenario("tokens/asr_whisper")
    assert card["system"]["link"]["codec"] == scenario.schemes[0].link.codec.identity()
    assert (card["data"]["split"], scenario.task.data.split) == ("train", "test")
    assert path.stat().st_size < 2 * 2**20


@real
@pytest.mark.verify
def test_the_program_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import load_file

    monkeypatch.setattr(program, "NUM_UTTERANCES", 4)
    path = program.make(tmp_path / "weights", tmp_path / "work", 1, "command", scale=0.01)
    state = load_file(str(path))
    assert set(state) == set(load_file(str(shipped_weights()["asr_whisper"])))
    assert all(torch.isfinite(value).all() for value in state.values())
    assert json.loads(path.with_suffix(".json").read_text())["command"] == "command"
