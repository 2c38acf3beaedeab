"""Schemes of speech: what they may say, and what is built from them."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tokencom.linklevel.links import DigitalLink, JSCCLink, SourceLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.systems import SourceSystemLink, SpeechRecognizer, SystemLink, speech_recognizer
from tokencom.scenarios.datasets.base import ListDataset, Sample
from tokencom.scenarios.schema import Scenario
from tokencom.scenarios.schema.load import load_scenario
from tokencom.scenarios.schema.systems import SpeechRecognizer as SpeechRecognizerConfig
from tokencom.scenarios.schema.union import types_of

from .test_parity import parameters_of

SCHEME = {
    "name": "opus",
    "type": "token",
    "system": {"type": "speech_recognizer"},
    "source": {"type": "opus", "bit_rate": 6},
    "link": {"type": "digital", "code": "conv", "coderate": 0.5, "num_bits_per_symbol": 4},
}


def scenario(**changes: Any) -> Scenario:
    return Scenario.model_validate({
        "name": "speech",
        "task": {"type": "transcription", "data": {"type": "python", "target": f"{__name__}:Tones"}},
        "air": {"type": "flat", "channel": "awgn"},
        "schemes": [{**SCHEME, **changes}],
        "snr_db": 20.0,
    })  # fmt: skip


class Tones(ListDataset):
    """Two clips at 8 kHz."""

    def __init__(self) -> None:
        waves = [np.sin(np.arange(count) / 5).astype(np.float32) for count in (1600, 2400)]
        samples = [Sample(id=str(i), cluster=i, inputs={"audio": w}, references=("one",)) for i, w in enumerate(waves)]
        super().__init__(name="tones", samples=samples, sampling_rate=8000)


@pytest.fixture(autouse=True)
def whisper(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(
        model=SimpleNamespace(config=SimpleNamespace(d_model=384)), weights=SimpleNamespace(sha256="")
    )
    monkeypatch.setattr(speech_recognizer, "_loaded", lambda *_: fake)


def test_fields_and_defaults_are_the_constructors() -> None:
    expected = {n: v for n, v in parameters_of(SpeechRecognizer).items() if n not in {"device", "sampling_rate"}}
    found = {name: field.default for name, field in SpeechRecognizerConfig.model_fields.items() if name != "type"}
    assert found == expected
    assert types_of(SpeechRecognizerConfig) == ("speech_recognizer",)
    config = SpeechRecognizerConfig(pooling=3)
    assert config.identity() == config.build().configuration()  # type: ignore[attr-defined]


def test_each_utterance_gets_what_it_needs_or_a_budget() -> None:
    pytest.importorskip("av", reason="extra 'data' is not installed")
    task, link = scenario().build("opus")
    assert isinstance(link, SourceSystemLink)
    assert isinstance(link.link, DigitalLink)
    assert link.on_failure == "decoded"
    assert link.system.sampling_rate == 8000
    batch = task.batch(0, 2, None)
    signal = link.encode(batch, torch.zeros(2))
    assert signal.num_symbols[0] < signal.num_symbols[1]
    budget = {**SCHEME["link"], "num_channel_uses": 2000}
    for source in ({"type": "opus"}, SCHEME["source"]):
        _, link = scenario(link=budget, source=source, on_failure="fallback").build("opus")
        assert isinstance(link.link, SourceLink)
        assert link.link.source.sampling_rate == 8000
        assert link.on_failure == "fallback"
        assert link.encode(batch, torch.zeros(2)).num_symbols.tolist() == [2000, 2000]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": {"type": "opus"}}, "num_channel_uses"),
        ({"source": {"type": "opus", "bit_rate": 7}}, "bit_rate"),
        ({"source": {"type": "huffman"}}, "codes texts, but the system reads audios"),
        ({"link": {**SCHEME["link"], "mcs": [{"coderate": 0.5, "num_bits_per_symbol": 2}]}}, "mcs"),
        ({"link": {**SCHEME["link"], "coderate": None}}, "coderate"),
        ({"source": None, "link": {"type": "jscc", "codec": "dense"}, "on_failure": "fallback"}, "on_failure"),
        ({"system": {"type": "speech_recognizer", "context": 31}}, "context"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scenario(**changes)


def test_the_shipped_scenario_compares_at_equal_channel_uses() -> None:
    pytest.importorskip("av", reason="extra 'data' is not installed")
    found = load_scenario("tokens/asr_whisper")
    point = found.points()[0].scenario
    names = [scheme.name for scheme in found.schemes]
    tokens, opus = (point.model_copy(update={"task": scenario().task}).build(name)[1] for name in names)
    assert isinstance(tokens, SystemLink)
    assert isinstance(tokens.link, JSCCLink)
    for seconds in (0.8, 1.7, 3.3, 8.5):
        count = math.ceil(50 * seconds / tokens.system.pooling)
        audio = np.sin(np.arange(round(8000 * seconds)) / 5).astype(np.float32)
        file = opus._source.encode(audio)
        spent = int(opus.link.encode([file], torch.zeros(1)).num_symbols[0])
        sent = tokens.link.encode(Tokens(torch.ones(1, count, 384)), torch.zeros(1))
        assert 0.9 < int(sent.num_symbols[0]) / spent <= 1.0
