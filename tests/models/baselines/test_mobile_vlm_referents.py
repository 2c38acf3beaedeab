"""Where the language model of the MobileVLM-style baseline looks, against transformers and against a loop."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from baseline_cases import small

from tokencom.models.baselines import MobileVLM
from tokencom.models.scenes import NOUN, NUM_STEPS, Referents
from tokencom.models.split.reception import attention
from tokencom.scenarios.datasets.clevr_synth import ClevrSynth


@pytest.fixture(scope="module")
def questions() -> list[Any]:
    """Four scenes with eight questions each."""
    data = ClevrSynth(num_images=4, questions_per_image=8, size=32)
    return [data[one] for one in range(len(data))]


def system(**options: Any) -> MobileVLM:
    """Return one with 16 tokens of a picture."""
    return small("mobile_vlm", size=32, channels=(8, 8), depth=4, **options)


def seen(model: MobileVLM, batch: dict[str, torch.Tensor]) -> tuple[Any, Any]:
    """Return what the language model made of a batch, and where the words are."""
    looked: list[Any] = []
    model._scores(model.tokens(batch), batch, looked)
    ((made, layout),) = looked
    return made, layout


@pytest.mark.parametrize("question", ["at_receiver", "sent"])
def test_places_are_those_of_words_in_the_row(question: str, questions: list[Any]) -> None:
    model = system(question=question)
    batch = model.collate(questions)
    row, place, step = (batch[f"referent_{name}"] for name in ("row", "place", "step"))
    marked = torch.nn.functional.pad(batch["words"], (0, 1))
    marked[torch.arange(len(marked)), batch["lengths"]] = model.words.output
    words = [model.words.words[int(one)] for one in marked[row, place]]
    assert set(step.tolist()) == set(range(NOUN, NUM_STEPS))
    assert all((word == "<output>") == (number >= 0) for word, number in zip(words, step.tolist(), strict=True))
    assert batch["referent_cells"].shape == (len(row), model.num_image_tokens)
    made, layout = seen(model, batch)
    embedded = made.inputs[0][layout.owner[row], layout.starts[row] + place]
    torch.testing.assert_close(embedded, model.llm.get_input_embeddings()(marked[row, place]))


def test_the_attention_is_that_of_the_model(questions: list[Any]) -> None:
    model = system()
    made, _ = seen(model, model.collate(questions))
    decoder, layer = model.llm.model, 2
    item, place = torch.arange(4).repeat_interleave(3), torch.tensor([0, 7, 20] * 4)
    found = attention(decoder, made, layer, item, place, heads=2).exp()
    # Transformers' own weights, over what was sent only.
    block, count = decoder.layers[layer], model.num_image_tokens
    block.self_attn.config._attn_implementation = "eager"
    turned = decoder.rotary_emb(made.inputs[layer], made.places)
    normed = block.input_layernorm(made.inputs[layer])
    _, weights = block.self_attn(normed, position_embeddings=turned, attention_mask=None)
    sent_only = weights[item, :, place + count, :count]
    torch.testing.assert_close(found, sent_only / sent_only.sum(-1, keepdim=True), rtol=1e-4, atol=1e-6)


def test_the_loss_is_the_divergence_from_where_objects_are(questions: list[Any]) -> None:
    model = system()
    batch = model.collate(questions)
    made, _ = seen(model, batch)
    lengths, owner = batch["lengths"].tolist(), batch["owner"].tolist()
    wanted = 0.0
    for number, layer in ((NOUN, 1), (0, 3), (1, 2), (2, 1)):
        values = []
        for one in (batch["referent_step"] == number).nonzero()[:, 0].tolist():
            row = int(batch["referent_row"][one])
            before = sum(length + 1 for n, length in enumerate(lengths[:row]) if owner[n] == owner[row])
            place = torch.tensor([before + int(batch["referent_place"][one])])
            scores = attention(model.llm.model, made, layer, torch.tensor([owner[row]]), place, heads=1)[0, 0]
            there = batch["referent_cells"][one]
            values.append(float((-scores[there].mean() - there.sum().log()).detach()))
        wanted += sum(values) / len(values)
    found = model.auxiliary(batch, ["referents"])["referents"]
    assert float(found.detach()) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("full", [True, False])
def test_tokens_of_the_picture_see_all_of_themselves_or_those_before(full: bool, questions: list[Any]) -> None:
    model = system(full=full)
    batch = model.collate(questions)
    sent = model.tokens(batch)
    other = sent.values.clone()
    other[:, -1] += 1.0
    both: list[torch.Tensor] = []
    for values in (sent.values, other):
        looked: list[Any] = []
        model._scores(replace(sent, values=values), batch, looked)
        both.append(looked[0][0].inputs[-1][:, : model.num_image_tokens - 1])
    assert torch.equal(*both) is not full


def test_the_loss_takes_what_arrived(questions: list[Any]) -> None:
    model = system()
    batch = model.collate(questions)
    sent = model.tokens(batch)
    clean = model.auxiliary(batch, ["referents"])["referents"]
    turned = replace(sent, values=sent.values.flip(1))
    model.loss(turned, batch)
    other, again = (model.auxiliary(batch, ["referents"])["referents"] for _ in range(2))
    assert float(again.detach()) == float(clean.detach()) != float(other.detach())


def test_training_moves_attention_and_tells_cells_of_what_is_sent(questions: list[Any]) -> None:
    model = system(seed=1).train()
    batch = model.collate(questions)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    first: dict[str, float] = {}
    for _ in range(40):
        losses = model.auxiliary(batch, ["cells", "referents"])
        first = first or {name: float(loss.detach()) for name, loss in losses.items()}
        optimizer.zero_grad()
        sum(losses.values()).backward()  # type: ignore[union-attr]
        optimizer.step()
    assert batch["cells"].shape[:2] == (4, model.num_image_tokens)
    assert {name: float(loss.detach()) < 0.75 * first[name] for name, loss in losses.items()} == {
        "cells": True, "referents": True,
    }  # fmt: skip


def test_only_what_is_spoken_of_counts(questions: list[Any]) -> None:
    model = system()
    batch = model.collate(questions)
    nothing = {**batch, **Referents.of([], model.num_image_tokens).entries()}
    assert float(model.auxiliary(nothing, ["referents"])["referents"]) == 0.0
