import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from tokencom.scenarios.schema.tokcom import TokCom

sys.path.insert(0, str(Path(__file__).parent))
from small_tokcom import DATA


def test_builds_what_it_describes():
    config = TokCom(num_tokens={"audio": 16}, slide="pool", off=("video",), marks=True, max_new_tokens=2)
    system = config.build()
    assert config.identity() == system.configuration()
    assert system.layout.names == ("audio", "text")
    assert system.layout.counts == (16, -1)
    assert config.identity() != TokCom().identity()
    samples = DATA[:2]
    assert len(system.answer(system.encode(samples), samples)) == 2


def test_where_it_is_switched_off_the_weights_are_the_same():
    assert TokCom(off=("audio",)).identity() == TokCom().identity()
    assert TokCom(objective="alignment").identity() != TokCom().identity()
    paper = TokCom(preset="paper", language_source="/models/qwen", sampling_rate=16000).identity()
    assert paper["language"]["source"] == "/models/qwen"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"off": ["audio"], "devices": ["video", "text"]}, "is none of the devices"),
        ({"off": ["video", "text"], "devices": ["video", "text"]}, "switches every device off"),
        ({"num_tokens": {"text": 4}}, "sends every word"),
        ({"num_tokens": {"audio": 0}}, "is outside"),
        ({"head": "discriminative", "answers": ["yes"]}, "at least two"),
        ({"objective": "alignment", "devices": ["video", "audio"]}, "needs the device text"),
        ({"language_source": "x"}, "trained here"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_refuses(given, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(TokCom).validate_python({"type": "tokcom", **given})
