"""The speech scenario and its weights."""

import pytest

from tokencom.linklevel.draws import Draws
from tokencom.models.pretrained import available
from tokencom.models.systems import shipped_weights
from tokencom.scenarios.schema import load_scenario, trained

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


def test_the_shipped_weights_are_those_of_the_scenario() -> None:
    scenario = load_scenario("tokens/asr_whisper")
    scheme = scenario.schemes[0]
    path = trained.find(trained.key_of(scenario, scheme))
    assert path == shipped_weights()["asr_whisper"]
    assert (scheme.training.data[0].split, scenario.task.data.split) == ("train", "test")
    assert path.stat().st_size < 2 * 2**20
