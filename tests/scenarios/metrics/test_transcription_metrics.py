"""Word and character error rates."""

import sys

import numpy as np
import pytest

from tokencom.scenarios.metrics import normalize_transcript, transcript_statistics
from tokencom.scenarios.metrics.transcription import error_ratio

jiwer = pytest.importorskip("jiwer", reason="jiwer is not installed")


def test_counts_add_up_to_jiwers_corpus_rates():
    rng = np.random.default_rng(1)
    words = ["one", "two", "three", "four", "five", "six"]
    spoken = [" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(60)]
    heard = [" ".join(w for w in s.split() if rng.random() < 0.8) + " extra" * int(rng.integers(0, 2)) for s in spoken]
    sums = transcript_statistics(spoken, heard).sum(axis=0)
    assert error_ratio(sums[:2]) == pytest.approx(jiwer.wer(spoken, heard))
    assert error_ratio(sums[2:]) == pytest.approx(jiwer.cer(spoken, [" ".join(h.split()) for h in heard]))


def test_worked_values():
    rows = transcript_statistics(["the cat sat", "", "one"], ["The cat, sits!", "um er", ""])
    assert rows.tolist() == [[1, 3, 2, 11], [2, 0, 5, 0], [1, 1, 3, 3]]
    assert np.isnan(error_ratio(np.zeros(2)))


def test_digits_as_words():
    assert normalize_transcript("Seven, 42.", spell_digits=True) == "seven four two"
    assert transcript_statistics(["7"], ["Seven."], spell_digits=True)[0, 0] == 0
    assert transcript_statistics(["7"], ["Seven."])[0, 0] == 1


def test_errors(monkeypatch):
    with pytest.raises(ValueError, match="recognised: 1 transcripts given, 2 expected"):
        transcript_statistics(["a", "b"], ["a"])
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(ValueError, match="pip install jiwer"):
        transcript_statistics(["a"], ["a"])
