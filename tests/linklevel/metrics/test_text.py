"""BLEU from summed statistics against sacrebleu's own corpus score."""

import numpy as np
import pytest
import sacrebleu

from tokencom.linklevel.metrics import BLEU_STATISTICS, bleu_statistics, corpus_bleu, exact_match

SENT = [
    "The quick brown fox jumps over the lazy dog.",
    "It was the best of times, it was the worst of times.",
    "Down, down, down.",
    "Yes",
    "A sentence (with brackets) and 3.14 numbers; isn't it?",
]


def _garble(text, rng):
    words = text.split()
    return " ".join(word if rng.random() < 0.7 else word[::-1] for word in words)


@pytest.mark.parametrize("seed", range(8))
def test_corpus_bleu_is_sacrebleus(seed):
    rng = np.random.default_rng(seed)
    received = [_garble(text, rng) for text in SENT]
    if seed == 0:
        received[1] = ""
    if seed == 1:
        received = ["xyz"] * len(SENT)
    expected = sacrebleu.corpus_bleu(received, [SENT]).score
    statistics = bleu_statistics(SENT, received)
    assert statistics.shape == (len(SENT), len(BLEU_STATISTICS))
    assert corpus_bleu(statistics.sum(0)) == pytest.approx(expected, abs=1e-9)
    halves = bleu_statistics(SENT[:2], received[:2]).sum(0) + bleu_statistics(SENT[2:], received[2:]).sum(0)
    assert corpus_bleu(halves) == pytest.approx(expected, abs=1e-9)


def test_bounds_and_shapes():
    statistics = bleu_statistics(SENT, SENT)
    assert corpus_bleu(statistics.sum(0)) == pytest.approx(100)
    assert corpus_bleu(bleu_statistics(SENT, [""] * 5).sum(0)) == 0
    assert corpus_bleu(np.stack([statistics.sum(0)] * 6).reshape(2, 3, 10)).shape == (2, 3)
    assert bleu_statistics([], []).shape == (0, 10)


def test_exact_match():
    assert exact_match(["a", "b", ""], ["a", "B", ""]).tolist() == [1, 0, 1]


@pytest.mark.parametrize("metric", [bleu_statistics, exact_match])
def test_numbers_of_texts_must_agree(metric):
    with pytest.raises(ValueError, match="2 texts given, 1 expected"):
        metric(["a"], ["a", "b"])
