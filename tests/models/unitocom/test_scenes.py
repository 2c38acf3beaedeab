"""What scene graphs add to the training: what each token's cell holds, and where the words of a question look."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tokencom.models.scenes import NUM_STEPS
from tokencom.models.scenes.cells import cell_targets
from tokencom.models.split import attention
from tokencom.models.training.tensors import digest_of
from tokencom.models.unitocom.language import Packed
from tokencom.scenarios.datasets.clevr_synth import ClevrSynth

sys.path.insert(0, str(Path(__file__).parent))
from small_unitocom import built, captions, questions, small, spoken

NAMES = ("cells", "referents")
VQA = {"tasks": ["vqa"], "num_image_tokens": 64, "scenes": True}


@pytest.fixture(scope="module")
def asked() -> ClevrSynth:
    return ClevrSynth(num_images=8, questions_per_image=16)


@pytest.fixture(scope="module")
def system():
    return built(**VQA)


def batch_of(system, asked, count=32, seed=None):
    batch = system.collate([asked[one] for one in range(count)])
    return batch if seed is None else batch | {"seed": torch.tensor(seed)}


def test_a_token_is_made_of_its_own_cell(system):
    """What a stem sees of a patch reaches its token alone through the map behind the Transformer."""
    encoder = system.senders["image"].tokenizer.encoder
    x = torch.randn(1, 64, 16, generator=torch.Generator().manual_seed(1), requires_grad=True)
    encoder.out(encoder.cells.join(x))[0, 11].sum().backward()
    assert x.grad[0].abs().sum(1).nonzero()[:, 0].tolist() == [11]
    assert system.scenes.grid == (8, 8)


def test_the_targets_are_those_of_the_scenes(system, asked):
    batch = batch_of(system, asked)
    for row, sample in zip(batch["cells"], (asked[0], asked[16]), strict=True):
        assert torch.equal(row, cell_targets(sample.extra["scene"], (64, 64), (8, 8)))
        assert 0 < int((row[:, 0] >= 0).sum()) <= len(sample.extra["scene"]["objects"])


def test_places_are_those_of_the_row(system, asked):
    batch = batch_of(system, asked)
    item, place, step = (batch[f"referent_{name}"] for name in ("row", "place", "step"))
    words = [system.texts.words([int(one)])[0] for one in batch["ids"][item, place]]
    assert set(step.tolist()) == set(range(-1, NUM_STEPS))
    assert all((word == "<output>") == (number >= 0) for word, number in zip(words, step.tolist(), strict=True))
    assert bool(batch["referent_cells"].any(1).all())
    assert batch["referent_cells"].shape == (len(item), 64)


@torch.no_grad()
def test_the_attention_is_that_of_the_model(system, asked):
    batch, language = batch_of(system, asked, 16), system.language
    parts = [*system._received(system.tokens(batch), "vqa"), language.words(batch["ids"], batch["segment"])]
    made = language.reception(parts, num_sent=64)
    torch.testing.assert_close(made.hidden, language(parts))
    item, place = torch.zeros(5, dtype=torch.int64), torch.arange(5) * 7
    decoder = language.model.model
    found = attention(decoder, made, 1, item, place, heads=2).exp()
    block = decoder.layers[1]
    before = block.self_attn.config._attn_implementation
    block.self_attn.config._attn_implementation = "eager"
    _, weights = block.self_attn(
        block.input_layernorm(made.inputs[1]),
        position_embeddings=decoder.rotary_emb(made.inputs[1], made.places),
        attention_mask=None,
    )
    block.self_attn.config._attn_implementation = before
    # Behind a mark, and before another.
    sent_only = weights[item, :2, place + 66, 1:65]
    torch.testing.assert_close(found, sent_only / sent_only.sum(-1, keepdim=True), rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_the_losses_are_those_of_what_was_sent(system, asked):
    batch = batch_of(system, asked, seed=3)
    sent = system.tokens(batch)
    assert float(system.auxiliary(batch, ["cells"])["cells"]) == pytest.approx(
        float(system.scenes.cells.loss(sent.values, batch["cells"])), rel=1e-5
    )
    language = system.language
    parts = [*system._received(sent, "vqa"), language.words(batch["ids"], batch["segment"])]
    made, wanted = language.reception(parts, num_sent=64), 0.0
    for number, layer in ((-1, 1), (0, 1), (1, 1), (2, 1)):
        own = (batch["referent_step"] == number).nonzero()[:, 0]
        row, place, cells = (batch[f"referent_{name}"][own] for name in ("row", "place", "cells"))
        scores = attention(language.model.model, made, layer, row, place, heads=1)[:, 0]
        rows = [-(one[there].mean()) - there.sum().log() for one, there in zip(scores, cells, strict=True)]
        wanted += float(torch.stack(rows).mean())
    assert float(system.auxiliary(batch, ["referents"])["referents"]) == pytest.approx(wanted, rel=1e-4)


@torch.no_grad()
def test_referents_are_of_what_arrived(system, asked):
    batch = batch_of(system, asked)
    sent = system.tokens(batch)
    clean = system.auxiliary(batch, NAMES)
    system.loss(replace(sent, values=torch.zeros_like(sent.values)), batch)
    blind = system.auxiliary(batch, NAMES)
    again = system.auxiliary(batch, NAMES)
    assert float(again["referents"]) == float(clean["referents"]) != float(blind["referents"])
    assert float(again["cells"]) == float(clean["cells"]) == float(blind["cells"])
    other = system.auxiliary(batch | {"seed": torch.tensor(4)}, NAMES)
    assert all(float(other[name]) != float(again[name]) for name in NAMES)


def test_what_was_computed_without_gradient_is_not_trained_on(asked):
    system = built(**VQA)
    batch = batch_of(system, asked, 16)
    with torch.no_grad():
        system.loss(system.tokens(batch), batch)
    found = system.auxiliary(batch, NAMES)
    assert all(loss.requires_grad for loss in found.values())


def test_training_lowers_both(asked):
    system = built(**VQA)
    batch = batch_of(system, asked, 32, seed=1)
    optimizer = torch.optim.Adam(system.parameters(), 1e-2)
    losses = []
    for _ in range(30):
        found = system.auxiliary(batch, NAMES)
        optimizer.zero_grad()
        sum(found.values()).backward()
        optimizer.step()
        losses.append([float(found[name].detach()) for name in NAMES])
    assert losses[-1][0] < 0.8 * losses[0][0]
    assert losses[-1][1] < 0.8 * losses[0][1]


def test_cells_reach_the_tokenizer_and_referents_the_language_model_too(asked):
    system = built(**VQA)
    batch = batch_of(system, asked)
    for name, parts in (("cells", {"senders", "scenes"}), ("referents", {"senders", "language"})):
        system.zero_grad()
        system.auxiliary(batch, [name])[name].backward()
        reached = {n.split(".")[0] for n, p in system.named_parameters() if p.grad is not None and p.grad.any()}
        assert reached == parts


@torch.no_grad()
def test_batches_without_pictures_have_no_such_loss():
    system = built(scenes=True)
    for samples in (spoken(), captions()):
        found = system.auxiliary(system.collate(samples), NAMES)
        assert {name: float(loss) for name, loss in found.items()} == dict.fromkeys(NAMES, 0.0)


@pytest.mark.parametrize(
    ("name", "message"),
    [("cells", r"needs a scene graph in extra\['scene'\]"), ("referents", r"extra\['scene'\] and extra\['program'\]")],
)
def test_without_a_scene_graph_it_says_what_is_missing(system, name, message):
    with pytest.raises(ValueError, match=message):
        system.auxiliary(system.collate(questions()), [name])


def test_sent_questions_have_cells_alone(asked):
    system = built(**VQA, question="sent")
    batch = batch_of(system, asked, 2)
    assert float(system.auxiliary(batch, ["cells"])["cells"].detach()) > 0
    with pytest.raises(ValueError, match="questions at the receiver"):
        system.auxiliary(batch, ["referents"])


def test_a_system_without_it_is_what_it_was():
    plain, other = built(tasks=["vqa"]), built(tasks=["vqa"], scenes=True)
    assert "scenes" not in plain.configuration()
    assert other.configuration()["scenes"] is True
    assert set(other.state_dict()) - set(plain.state_dict()) == {"scenes.cells.out.weight", "scenes.cells.out.bias"}
    shared = {name: tensor for name, tensor in other.state_dict().items() if not name.startswith("scenes")}
    assert digest_of(shared) == digest_of(plain.state_dict())


def test_the_mark_of_a_part_does_not_move_places():
    language = built(tasks=["vqa"]).language
    rows = [Packed(torch.randn(1, 6, 32), torch.tensor([[0, 0, 0, 0, 0, -1]]))]
    rows.append(language.words(torch.tensor([[1, 2]]), torch.tensor([[1, 1]])))
    assert language.reception(rows, num_sent=3).places[0, 6:].tolist() == [5, 6]


def test_scenes_need_questions_and_a_grid():
    with pytest.raises(ValueError, match="they serve 'vqa' alone"):
        small(tasks=["asr"], scenes=True)
    config = small(tasks=["vqa"])
    tokenizers = tuple(replace(one, pooling="queries") for one in config.tokenizers)
    with pytest.raises(ValueError, match="only tokens of pooling 'grid'"):
        replace(config, tokenizers=tokenizers, scenes=True)
