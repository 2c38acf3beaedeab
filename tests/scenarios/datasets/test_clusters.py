"""What several samples share is known without reading any of them."""

import pytest

from tokencom.scenarios.datasets.clevr_synth import ClevrCaptions, ClevrSynth
from tokencom.scenarios.datasets.prompts import Prompts
from tokencom.scenarios.datasets.speech_synth import SpeechSynth

DATA = [
    ClevrSynth(num_images=3, questions_per_image=2),
    ClevrCaptions(num_images=3),
    Prompts(ClevrCaptions(num_images=3)),
    SpeechSynth(num_utterances=3, speech="digits"),
]


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.name)
def test_clusters_are_those_of_the_samples_which_are_not_read(data, monkeypatch):
    expected = [sample.cluster for sample in data]
    monkeypatch.setattr(type(data), "read", None)
    assert [data.cluster_of(index) for index in range(len(data))] == expected
