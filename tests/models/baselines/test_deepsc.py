"""DeepSC: what is sent, decoding one word after the other, classes."""

import pytest
import torch
from baseline_cases import Item

from tokencom.linklevel import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import JSCCLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.baselines import DeepSC
from tokencom.models.systems import SystemLink
from tokencom.models.systems.trainable import LinkTraining

TINY = {"preset": "tiny", "dim": 16, "depth": 1, "decoder_depth": 1, "heads": 2, "hidden": 32}


def system(**options: object) -> DeepSC:
    return DeepSC(**{**TINY, **options}).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("task", ["reconstruction", "classification"])
def test_batches_equal_items_alone(task: str, norm_first: bool, texts: list[Item]) -> None:
    made = system(task=task, norm_first=norm_first)
    both = made.encode(texts)
    assert both.num_tokens.tolist() == [len(made.words.ids(t.inputs["text"])) + 2 for t in texts]
    for row, text in enumerate(texts):
        one = made.encode([text])
        count = one.values.shape[1]
        torch.testing.assert_close(one.values[0], both.values[row, :count], rtol=1e-4, atol=1e-5)
        assert made.answer(one, [text])[0] == made.answer(both, texts)[row]


def test_a_word_depends_on_those_before_it_only(texts: list[Item]) -> None:
    made = system()
    tokens, ids = made.encode(texts), made.collate(texts)["words"]
    scores = made.decoded(tokens, ids)
    changed = ids.clone()
    changed[:, 4] = made.words.unknown
    other = made.decoded(tokens, changed)
    torch.testing.assert_close(scores[:, :4], other[:, :4])
    assert not torch.allclose(scores[:, 4], other[:, 4])


def test_embeddings_have_the_positions_of_the_paper() -> None:
    made = system()
    ids = torch.tensor([[3, 9, 8]])
    found = made._embedded(ids)[0]
    for place in range(3):
        for i in range(16):
            angle = torch.tensor(place / 10000 ** ((i - i % 2) / 16))
            wanted = made.embedding.weight[ids[0, place], i] * 4.0 + (angle.cos() if i % 2 else angle.sin())
            assert float(found[place, i]) == pytest.approx(float(wanted), abs=1e-5)


def test_words_are_chosen_one_after_the_other(texts: list[Item]) -> None:
    made = system(seed=5)
    tokens = made.encode(texts[:1])
    ids = [made.words.start]
    for _ in range(int(tokens.num_tokens[0]) - 1):
        ids.append(int(made.decoded(tokens, torch.tensor([ids]))[0, -1].argmax()))
        if ids[-1] == made.words.end:
            break
    assert made.answer(tokens, texts[:1]) == [made.words.text(ids[1:], sentence=True)]


def test_a_few_steps_rebuild_a_sentence(texts: list[Item]) -> None:
    model = SystemLink(system(), JSCCLink(FlatAirInterface(channel="awgn"), DenseCodec(dim=16), max_num_tokens=63))
    training = LinkTraining(model, texts, seed=1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for step in range(80):
        batch = training.system.collate(texts)
        loss = training.losses(batch, torch.full((2,), 20.0), Draws(seed=1, batch=step), ("task",))["task"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    assert model(texts, 20.0, Draws(seed=9)).payload == [t.inputs["text"] for t in texts]
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("task", ["reconstruction", "classification"])
def test_nothing_is_told_without_received_tokens(task: str, texts: list[Item]) -> None:
    made = system(task=task)
    sent = made.encode(texts)
    lost = Tokens(torch.full_like(sent.values, 2.0), torch.zeros_like(sent.mask))
    first, second = made.answer(lost, texts)
    assert first == second
    assert made.answer(Tokens(sent.values[:, :0], sent.mask[:, :0]), texts) == [first, second]
    assert first == "" or task == "classification"


def test_unknown_classes_are_left_out(texts: list[Item]) -> None:
    made = system(task="classification")
    other = Item("x", 4, {"text": "It was."}, ("mixed",))
    losses = []
    for samples in (texts, [*texts, other]):
        batch = made.collate(samples)
        losses.append(made.loss(made.tokens(batch), batch))
    torch.testing.assert_close(*losses)


def test_bad_options_are_named() -> None:
    with pytest.raises(ValueError, match="task"):
        system(task="translation")
    with pytest.raises(ValueError, match="classes"):
        system(task="classification", classes=("one",))
