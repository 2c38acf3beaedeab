"""Caption metrics against sacrebleu and the COCO programs."""

import shutil

import numpy as np
import pytest
import sacrebleu

from tokencom.linklevel.metrics import corpus_bleu
from tokencom.scenarios.metrics import CiderD, caption_bleu_statistics, caption_words, meteor

WORDS = tuple("a the red blue dog cat ball table sits runs on under near big small man with two".split())  # noqa: SIM905


def _corpus(seed, count=40):
    rng = np.random.default_rng(seed)

    def caption():
        return " ".join(rng.choice(WORDS, rng.integers(3, 12)))

    references = [[caption() for _ in range(rng.integers(1, 6))] for _ in range(count)]
    captions = [
        row[0] if rng.random() < 0.3 else " ".join([*row[0].split()[:4], *caption().split()[:3]]) for row in references
    ]
    return references, captions


def test_bleu_with_several_references_is_sacrebleus():
    references, captions = _corpus(1)
    statistics = caption_bleu_statistics(references, captions)
    width = max(map(len, references))
    streams = [[row[k] if k < len(row) else None for row in references] for k in range(width)]
    expected = sacrebleu.corpus_bleu(captions, streams, lowercase=True).score
    assert float(corpus_bleu(statistics.sum(axis=0))) == pytest.approx(expected, abs=1e-9)


def test_cider_is_the_coco_programs():
    cider = pytest.importorskip("pycocoevalcap.cider.cider", reason="pycocoevalcap is not installed")
    references, captions = _corpus(2)
    mean, scores = cider.Cider().compute_score(dict(enumerate(references)), {i: [c] for i, c in enumerate(captions)})
    ours = CiderD(references)(references, captions)
    np.testing.assert_allclose(ours, scores, rtol=1e-9, atol=1e-9)
    assert ours.mean() == pytest.approx(mean)


def test_cider_of_batches_is_that_of_the_whole():
    references, captions = _corpus(3)
    cider = CiderD(references)
    parts = [cider(references[i : i + 7], captions[i : i + 7]) for i in range(0, 40, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), cider(references, captions))
    assert cider(references[:1], [""]).tolist() == [0.0]
    with pytest.raises(ValueError, match="captions: 1 given, 2 expected"):
        cider(references[:2], ["a"])


def test_cider_worked_by_hand():
    # Three items; of the caption's words only "ball" is in the reference, and in no other item.
    cider = CiderD([["ball"], ["cat"], ["dog"]])
    assert cider([["ball"]], ["ball"]).tolist() == pytest.approx([10 / 4])  # 1-grams only: three orders are empty


@pytest.mark.verify
def test_meteor_is_the_java_program():
    pytest.importorskip("pycocoevalcap.meteor.meteor", reason="pycocoevalcap is not installed")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed")
    same, other = meteor([["a cat sits on the mat"]] * 2, ["A cat sits on the mat.", "two dogs run"])
    assert same == pytest.approx(1.0)
    assert other < 0.1


def test_meteor_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match="'meteor' needs Java"):
        meteor([["a"]], ["a"])


def test_words():
    assert caption_words("It's 2 p.m. -- THE END!") == ["it's", "2", "p", "m", "the", "end"]
