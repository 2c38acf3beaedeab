"""The text task: its data, its columns, its errors."""

import numpy as np
import pytest
import sacrebleu
import torch

from tokencom.linklevel.accounting import ChannelUses
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links.base import Reception
from tokencom.linklevel.sources import Decoded, DecodedItems, HuffmanText
from tokencom.scenarios.tasks.text import TextTask, read_sentences


def _reception(payload, ok):
    ones = torch.ones(len(ok), dtype=torch.int64)
    uses = ChannelUses(payload=ones, pilots=ones, side_information=ones, airtime=ones)
    return Reception(payload=payload, ok=torch.tensor(ok), channel_uses=uses, snr_db=torch.zeros(len(ok)))


def test_the_built_in_text():
    task = TextTask()
    sentences = task.batch(0, 200, Draws(seed=1))
    assert len(sentences) == task.num_items == 100
    assert sentences[0].startswith("Alice was beginning")
    assert len(set(sentences)) == 100
    assert all(s == s.strip() and s.isascii() for s in sentences)
    assert all(HuffmanText().decode(HuffmanText().encode(s)).item == s for s in sentences)


def test_bleu_over_batches_is_the_corpus_score():
    task = TextTask(num_sentences=20, repeats=2)
    rng = np.random.default_rng(1)
    sent, received, columns = [], [], []
    for index in range(5):
        payload = task.batch(index, 8, Draws(seed=1))
        garbled = [" ".join(w if rng.random() < 0.8 else w[::-1] for w in s.split()) for s in payload]
        columns.append(task.score(payload, _reception(garbled, [True] * len(payload))))
        sent, received = sent + payload, received + garbled
    assert len(sent) == 40
    merged = {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}
    estimate = task.metrics["bleu"].estimate(merged)
    assert estimate.value == pytest.approx(sacrebleu.corpus_bleu(received, [sent]).score)
    assert estimate.low < estimate.value < estimate.high
    match = task.metrics["exact_match"].estimate(merged)
    assert match.value == np.mean([a == b for a, b in zip(sent, received, strict=True)])
    assert merged["cluster"].tolist() == [item % 20 for item in range(40)]


def test_columns_tell_what_happened():
    task = TextTask(num_sentences=3)
    payload = task.batch(0, 3, Draws(seed=1))
    received = DecodedItems([Decoded(payload[0], False), Decoded("Al\ufffd", True), Decoded("", True, fallback=True)])
    columns = task.score(payload, _reception(received, [True, False, False]))
    assert columns["exact_match"].tolist() == [1, 0, 0]
    assert columns["block_error"].tolist() == columns["damaged"].tolist() == [0, 1, 1]
    assert columns["fallback"].tolist() == [0, 0, 1]
    assert set(task.reference_metrics) <= set(task.metrics)


def test_equal_sentences_at_two_places_are_two_clusters(tmp_path):
    (tmp_path / "two.txt").write_text("The same.\n\n  The same.  \nAnother.\n", encoding="utf-8")
    task = TextTask(data=str(tmp_path / "two.txt"))
    payload = task.batch(0, 9, Draws(seed=1))
    assert payload == ["The same.", "The same.", "Another."]
    columns = task.score(payload, _reception(list(payload), [True] * 3))
    assert columns["cluster"].tolist() == [0, 1, 2]


def test_files_that_are_no_text(tmp_path):
    with pytest.raises(ValueError, match=r"missing\.txt.*cannot be read.*'alice'"):
        TextTask(data=str(tmp_path / "missing.txt"))
    (tmp_path / "latin.txt").write_bytes("naïve".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.txt.*no UTF-8"):
        read_sentences(tmp_path / "latin.txt")
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(ValueError, match=r"empty\.txt.*no line"):
        read_sentences(tmp_path / "empty.txt")
    with pytest.raises(ValueError, match="num_sentences: 101"):
        TextTask(num_sentences=101)
