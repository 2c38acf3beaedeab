"""What the baselines that answer have in common: batches, padding, gradients, leaks."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from baseline_cases import NAMES, SIZES, SMALL, Item, small

from tokencom.linklevel import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import JSCCLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.baselines import UDeepSC
from tokencom.models.scenes.cells import CellHead, cell_targets
from tokencom.models.systems import SystemLink
from tokencom.models.systems.trainable import LinkTraining

CLASSES = ("negative", "positive")


def link(dim: int) -> JSCCLink:
    return JSCCLink(FlatAirInterface(channel="rayleigh"), DenseCodec(dim=dim, symbols_per_token=2), max_num_tokens=63)


@pytest.mark.parametrize("question", ["sent", "at_receiver"])
@pytest.mark.parametrize("name", NAMES)
def test_questions_about_one_image_share_one_transmission(name: str, question: str, questions: list[Item]) -> None:
    system = small(name, question=question)
    batch = system.collate(questions)
    tokens = system.tokens(batch)
    words = batch["lengths"] if question == "sent" else torch.zeros_like(batch["lengths"])
    sent = [int(words[:2].sum()), int(words[2])]
    assert batch["images"].shape == (2, 3, 16, 16)
    assert tokens.num_tokens.tolist() == [system.num_image_tokens + count for count in sent]


@pytest.mark.parametrize("question", ["sent", "at_receiver"])
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_gives_the_answers_of_its_items_alone(name: str, question: str, questions: list[Item]) -> None:
    system = small(name, question=question)
    tokens = system.encode(questions)
    batch = {**system._texts(questions, [0, 1, 2]), "pictured": torch.ones(3, dtype=torch.bool)}
    together = system._scores(tokens, batch)[0]
    for row, sample in enumerate(questions):
        one = system.encode([sample])
        count = int(one.num_tokens[0])
        torch.testing.assert_close(one.values[0], tokens.values[row, :count], rtol=1e-4, atol=1e-5)
        alone = {**system._texts([sample], [0]), "pictured": torch.ones(1, dtype=torch.bool)}
        torch.testing.assert_close(system._scores(one, alone)[0][0], together[row], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("question", ["sent", "at_receiver"])
@pytest.mark.parametrize("name", NAMES)
def test_grouped_training_sees_what_evaluation_sees(name: str, question: str, questions: list[Item]) -> None:
    """The scores of a batch in groups equal those of each question with its own copy of the picture."""
    system = small(name, question=question)
    batch = system.collate(questions)
    grouped = system._scores(system.tokens(batch), batch)[0]
    single = system.collate([Item(s.id, n, s.inputs, s.references) for n, s in enumerate(questions)])
    torch.testing.assert_close(grouped, system._scores(system.tokens(single), single)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_sent_question_is_not_read_at_the_receiver(name: str, questions: list[Item]) -> None:
    system = small(name, question="sent")
    tokens = system.encode(questions[:1])
    other = Item("x", 0, {"image": np.zeros((16, 16, 3), np.uint8), "question": "What is it made of?"}, ("metal",))
    batches = [
        {**system._texts([sample], [0]), "pictured": torch.ones(1, dtype=torch.bool)}
        for sample in (questions[0], other)
    ]
    assert system.answer(tokens, questions[:1]) == system.answer(tokens, [other])
    for batch in batches:
        batch["lengths"] = tokens.num_tokens - system.num_image_tokens
        batch["words"] = torch.zeros(1, 9, dtype=torch.int64)
    assert torch.equal(*(system._scores(tokens, batch)[0] for batch in batches))


@pytest.mark.parametrize("question", ["sent", "at_receiver"])
@pytest.mark.parametrize("name", NAMES)
def test_without_received_tokens_nothing_depends_on_what_was_sent(
    name: str, question: str, questions: list[Item]
) -> None:
    system = small(name, question=question)
    sent = system.encode(questions)
    lost = Tokens(torch.zeros_like(sent.values), torch.zeros_like(sent.mask))
    images = [np.random.default_rng(9).integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in questions]
    others = [Item(s.id, 0, {**s.inputs, "image": i}, ()) for s, i in zip(questions, images, strict=True)]
    if question == "sent":
        others = [Item(s.id, 0, {**s.inputs, "question": "Is it big?"}, ()) for s in others]
    assert system.answer(lost, questions) == system.answer(lost, others)
    garbage = Tokens(torch.full_like(sent.values, 3.0), torch.zeros_like(sent.mask))
    assert system.answer(garbage, questions) == system.answer(lost, questions)
    empty = Tokens(sent.values[:, :0], sent.mask[:, :0])
    assert system.answer(empty, questions) == system.answer(lost, questions)


@pytest.mark.parametrize("question", ["sent", "at_receiver"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_cross_the_link_into_every_parameter(name: str, question: str, questions: list[Item]) -> None:
    model = SystemLink(small(name, question=question), link(16)).train()
    training = LinkTraining(model, questions, group=2, seed=1)
    batch = training.batch(np.arange(2))
    terms = training.losses(batch, torch.full((2,), 10.0), Draws(seed=1), ("task", "cells"))
    sum(terms.values()).backward()
    missing = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert not missing
    assert all(bool(torch.isfinite(parameter.grad).all()) for parameter in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_pictures_and_texts_mix_in_a_batch(name: str, questions: list[Item], texts: list[Item]) -> None:
    system = small(name, classes=CLASSES)
    mixed = [questions[0], texts[0], questions[2], texts[1]]
    batch = system.collate(mixed)
    tokens = system.tokens(batch)
    assert batch["label"].tolist() == [
        system.answers.index("2"), 1, system.answers.index("yes"), 0,
    ]  # fmt: skip
    alone = [float(system.loss(system.tokens(b), b).detach()) for b in (system.collate([sample]) for sample in mixed)]
    assert float(system.loss(tokens, batch).detach()) == pytest.approx(np.mean(alone), rel=1e-4)
    answers = system.answer(system.encode(mixed), mixed)
    assert [answer in CLASSES for answer in answers] == [False, True, False, True]


def test_answers_that_the_list_lacks_are_left_out(questions: list[Item]) -> None:
    system = small("udeepsc")
    unknown = Item("u", 5, questions[2].inputs, ("nowhere",))
    known, both = system.collate(questions[:1]), system.collate([questions[0], unknown])
    losses = [system.loss(system.tokens(batch), batch) for batch in (known, both)]
    torch.testing.assert_close(*losses)
    nothing = system.collate([unknown])
    assert float(system.loss(system.tokens(nothing), nothing)) == 0.0


def test_sigmoids_are_the_sum_of_binary_entropies(questions: list[Item]) -> None:
    system = small("udeepsc", objective="sigmoid")
    batch = system.collate(questions)
    tokens = system.tokens(batch)
    scores = system._scores(tokens, batch)[0].double()
    right = torch.nn.functional.one_hot(batch["label"], scores.shape[1]).bool()
    wanted = -torch.where(right, scores.sigmoid().log(), (1 - scores.sigmoid()).log()).sum() / 3
    assert float(system.loss(tokens, batch).detach()) == pytest.approx(float(wanted.detach()), rel=1e-4)


def test_cells_need_a_scene(questions: list[Item]) -> None:
    system = small("udeepsc")
    plain = [Item(s.id, s.cluster, s.inputs, s.references) for s in questions]
    with pytest.raises(ValueError, match="scene graph"):
        system.auxiliary(system.collate(plain), ["cells"])
    assert system.auxiliary(system.collate(plain), []) == {}


def test_the_nearest_object_of_a_cell_counts() -> None:
    far = {"color": "blue", "shape": "cube", "size": "large", "material": "rubber", "pixel_coords": [3, 3, 12.0]}
    near = {"color": "red", "shape": "sphere", "size": "small", "material": "metal", "pixel_coords": [5, 6, 8.0]}
    targets = cell_targets({"objects": [near, far]}, (64, 64), (8, 8))
    assert targets[0].tolist() == [1, 1, 0, 1]
    assert (targets[1:] == -1).all()


def test_the_cell_loss_is_presence_and_values() -> None:
    torch.manual_seed(0)
    head = CellHead(4)
    targets = torch.tensor([[[-1, -1, -1, -1], [1, 2, 0, 1]]])
    values = torch.randn(1, 2, 4)
    scores = head.out(values)[0].double()
    wanted = -((1 - scores[0, 0].sigmoid()).log() + scores[1, 0].sigmoid().log()) / 2
    start = 1
    for count, value in zip((8, 3, 2, 2), (1, 2, 0, 1), strict=True):
        wanted = wanted - scores[1, start : start + count].log_softmax(0)[value]
        start += count
    assert float(head.loss(values, targets).detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"answers": ("yes",)}, "answers"), ({"answers": (), "classes": ()}, "both are empty"),
        ({"question": "whispered"}, "question"), ({"objective": "hinge"}, "objective"),
        ({"classes": ("a", "a")}, "classes"), ({"vocabulary": "latin"}, "vocabulary"),
    ],
)  # fmt: skip
def test_bad_options_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        small("udeepsc", **options)


def test_the_key_tells_what_is_sent(questions: list[Item]) -> None:
    first, second, third = questions
    at_receiver, sent = small("udeepsc"), small("udeepsc", question="sent")
    assert at_receiver.key(first) == at_receiver.key(second) != at_receiver.key(third)
    assert sent.key(first) != sent.key(second)


@pytest.mark.parametrize("name", NAMES)
def test_the_image_encoder_runs_once_a_step(name: str, questions: list[Item]) -> None:
    system = small(name)
    batch = system.collate(questions)
    fresh = system.auxiliary(batch, ["cells"])["cells"]
    seen: list[int] = []
    encode = system.features
    system.features = lambda images: (seen.append(len(images)), encode(images))[1]
    system.tokens(batch)
    torch.testing.assert_close(system.auxiliary(batch, ["cells"])["cells"], fresh)
    assert seen == [2]
    system.auxiliary(batch, ["cells"])
    assert seen == [2, 2]


@pytest.mark.parametrize("name", ["udeepsc", "deepsc_vqa"])
def test_the_referent_loss_is_of_the_steps_that_the_answers_were_made_of(name: str, questions: list[Item]) -> None:
    system = small(name)
    programs = [one_step("count", 1), one_step("exist", 0)]
    asked = [dataclasses.replace(q, extra={**q.extra, **programs[n % 2]}) for n, q in enumerate(questions)]
    batch = system.collate(asked)
    looked: list[torch.Tensor] = []
    system._scores(system.tokens(batch), batch, looked)
    wanted = 0.0
    for number in range(2):
        own = batch["referent_step"] == number
        if bool(own.any()):
            scores = looked[-1 - number][batch["referent_row"][own]].double().log_softmax(-1)
            there = batch["referent_cells"][own].double()
            wanted += float((-(scores * there).sum(1) / there.sum(1) - there.sum(1).log()).mean().detach())
    assert 0 < len(batch["referent_row"]) <= 2 * len(asked)
    found = system.auxiliary(batch, ["referents"])["referents"]
    assert float(found.detach()) == pytest.approx(wanted, rel=1e-4)
    found.backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in system.parameters())


def one_step(function: str, hops: int) -> dict[str, Any]:
    """Return a program that counts all objects, or those that are left of the first."""
    scene = {"function": "scene", "inputs": [], "value_inputs": []}
    if not hops:
        return {"program": [scene, {"function": function, "inputs": [0], "value_inputs": []}]}
    steps = [scene, *({"function": "filter_color", "inputs": [0], "value_inputs": ["red"]},)]
    steps += [{"function": "unique", "inputs": [1], "value_inputs": []}]
    steps += [{"function": "same_shape", "inputs": [2], "value_inputs": []}]
    return {"program": [*steps, {"function": function, "inputs": [3], "value_inputs": []}]}


class Still(UDeepSC):
    """Does not say where it looks."""

    def fuse(self, *args: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return super().fuse(*args[:-1], [])


def test_a_receiver_without_steps_has_no_referent_loss(questions: list[Item]) -> None:
    system = Still(**{**SMALL, **SIZES["udeepsc"][1]})
    asked = [dataclasses.replace(q, extra={**q.extra, **one_step("exist", 0)}) for q in questions]
    with pytest.raises(ValueError, match="takes no steps"):
        system.auxiliary(system.collate(asked), ["referents"])
