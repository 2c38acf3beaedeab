"""What the words of a question speak of, and attention that goes there."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tokencom.models.scenes import NUM_STEPS, Referents
from tokencom.models.scenes import noun_phrases as phrases
from tokencom.models.scenes import question_steps as steps
from tokencom.models.taichi import TaiChi
from tokencom.scenarios.datasets.clevr_synth import ClevrSynth

sys.path.insert(0, str(Path(__file__).parent))
from small_taichi import SMALL, asking, small

LAYERS = {**SMALL.language.config, "num_hidden_layers": 4}
DEEP = replace(SMALL, language=replace(SMALL.language, config=LAYERS))


@pytest.fixture(scope="module")
def questions() -> ClevrSynth:
    return ClevrSynth(num_images=20, questions_per_image=16, size=32)


def test_what_a_program_leaves_answers_its_question(questions: ClevrSynth) -> None:
    """The answer of every question that counts or asks for existence or a value follows from the last step alone."""
    seen = set()
    for sample in questions:
        last = sample.extra["program"][-1]["function"]
        (answer,), left = sample.references, steps(sample.extra["program"], sample.extra["scene"])[0]
        objects = [sample.extra["scene"]["objects"][one] for one in left]
        if last == "count":
            assert len(left) == int(answer)
        elif last == "exist":
            assert answer == ("yes" if left else "no")
        elif last.startswith("query_"):
            assert [one[last.removeprefix("query_")] for one in objects] == [answer]
        elif last.startswith("equal_") and last != "equal_integer":
            values = {one[last.removeprefix("equal_")] for one in objects}
            assert (answer == "yes") == (len(values) == 1)
        else:
            continue
        seen.add(last)
    assert len(seen) == 2 + 4 + 4


def test_steps_before_the_last_are_single_objects_per_branch(questions: ClevrSynth) -> None:
    counts = set()
    for sample in questions:
        hops = sum(one["function"] == "relate" or one["function"][:5] == "same_" for one in sample.extra["program"])
        left = steps(sample.extra["program"], sample.extra["scene"])
        assert len(left) <= 1 + hops
        assert all(1 <= len(own) <= 2 for own in left[1:])
        counts.add(len(left))
    assert counts == {1, 2, 3}


def test_a_phrase_names_what_its_program_filters(questions: ClevrSynth) -> None:
    """Of questions with a single phrase, the phrase names what the program leaves."""
    checked = 0
    for sample in questions:
        program, objects = sample.extra["program"], sample.extra["scene"]["objects"]
        if sum(one["function"] == "scene" for one in program) == 1 and len(steps(program, sample.extra["scene"])) == 1:
            words = sample.inputs["question"].lower().replace("?", " ?").split()
            ((_, named),) = phrases(words, objects)
            assert named == steps(program, sample.extra["scene"])[0]
            checked += 1
    assert checked > 20


@pytest.mark.parametrize(("function", "wanted"), [("union", {0, 1, 2}), ("intersect", {1})])
def test_two_branches_are_joined_as_clevr_joins_them(function: str, wanted: set[int]) -> None:
    red, metal, joined = "filter_color", "filter_material", function
    said = [("scene", [], []), (red, [0], ["red"]), ("scene", [], []), (metal, [2], ["metal"]), (joined, [1, 3], [])]
    program = [dict(zip(("function", "inputs", "value_inputs"), one, strict=True)) for one in said]
    values = (("red", "rubber"), ("red", "metal"), ("blue", "metal"), ("blue", "rubber"))
    objects = [{"color": color, "material": material} for color, material in values]
    program.append({"function": "count", "inputs": [4], "value_inputs": []})
    assert steps(program, {"objects": objects}) == [wanted]


def test_places_are_those_of_the_row(questions: ClevrSynth) -> None:
    system = TaiChi(DEEP)
    batch = system.collate([questions[one] for one in range(32)])
    item, place, step = (batch[f"referent_{name}"] for name in ("row", "place", "step"))
    words = [system.texts.words([int(one)])[0] for one in batch["ids"][item, place]]
    assert set(step.tolist()) == set(range(-1, NUM_STEPS))
    assert all((word == "<output>") == (number >= 0) for word, number in zip(words, step.tolist(), strict=True))
    assert bool(batch["referent_cells"].any(1).all())
    assert batch["referent_cells"].shape == (len(item), system.num_tokens)
    # Only last tokens and nouns, each noun once.
    assert len({(i, p, s) for i, p, s in zip(item.tolist(), place.tolist(), step.tolist(), strict=True)}) == len(item)


@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma"])
def test_the_attention_is_that_of_the_model(family: str, questions: ClevrSynth) -> None:
    config = {**LAYERS, "num_key_value_heads": 1, "head_dim": 8}
    system = TaiChi(replace(DEEP, language=replace(DEEP.language, family=family, config=config))).eval()
    batch = system.collate([questions[one] for one in range(16)])
    language, sent = system.language, system.tokens(batch)
    made = language.reception(sent.values, sent.mask, batch["ids"], batch["segment"])
    item, place = torch.zeros(5, dtype=torch.int64), torch.arange(5) * 7
    found = language.attention(made, 2, item, place, heads=2).exp()
    # Transformers' own weights, over what was sent only.
    block = language.upper.decoder.layers[2]
    block.self_attn.config._attn_implementation = "eager"
    states = made.inputs[2]
    _, weights = block.self_attn(
        block.input_layernorm(states),
        position_embeddings=language.upper.decoder.rotary_emb(states, made.places),
        attention_mask=None,
    )
    sent_only = weights[item, :, place + made.num_sent, : made.num_sent]
    torch.testing.assert_close(found, sent_only / sent_only.sum(-1, keepdim=True), rtol=1e-4, atol=1e-6)


def test_the_loss_is_the_divergence_from_where_objects_are(questions: ClevrSynth) -> None:
    system = TaiChi(DEEP).eval()
    batch = system.collate([questions[one] for one in range(16)])
    sent = system.tokens(batch)
    made = system.language.reception(sent.values, sent.mask, batch["ids"], batch["segment"])
    wanted = 0.0
    for number, layer in ((-1, 0), (0, 2), (1, 1), (2, 0)):
        own = (batch["referent_step"] == number).nonzero()[:, 0].tolist()
        values = []
        for one in own:
            place = (batch["referent_row"][one : one + 1], batch["referent_place"][one : one + 1])
            scores = system.language.attention(made, layer, *place, heads=1)[0, 0]
            there = batch["referent_cells"][one]
            values.append(float(-(scores[there]).mean() - there.sum().log()))
        wanted += sum(values) / len(values)
    found = system.auxiliary(batch, ["referents"])["referents"]
    assert float(found) == pytest.approx(wanted, rel=1e-4)


def test_the_loss_takes_what_arrived(questions: ClevrSynth) -> None:
    system = TaiChi(DEEP).eval()
    batch = system.collate([questions[one] for one in range(16)])
    sent = system.tokens(batch)
    clean = system.auxiliary(batch, ["referents"])["referents"]
    system.loss(replace(sent, values=torch.zeros_like(sent.values)), batch)
    blind = system.auxiliary(batch, ["referents"])["referents"]
    again = system.auxiliary(batch, ["referents"])["referents"]
    assert float(again) == float(clean) != float(blind)


def test_training_on_it_moves_attention_to_what_is_spoken_of(questions: ClevrSynth) -> None:
    system = TaiChi(DEEP)
    batch = system.collate([questions[one] for one in range(64)])
    optimizer = torch.optim.Adam(system.parameters(), 5e-3)
    losses = []
    for _ in range(40):
        loss = system.auxiliary(batch, ["referents"])["referents"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_without_program_it_says_what_is_missing() -> None:
    system = small()
    with pytest.raises(ValueError, match=r"'referents' needs extra\['scene'\] and extra\['program'\]"):
        system.auxiliary(system.collate([asking(1, "What color is the cube?")]), ["referents"])


def test_nothing_is_spoken_of_where_no_object_is_named() -> None:
    found = Referents.of([], 16).entries()
    assert found["referent_row"].shape == (0,)
    assert found["referent_cells"].shape == (0, 16)
