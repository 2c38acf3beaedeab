import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import DigitalLink, JSCCLink
from tokencom.linklevel.sources import JPEG
from tokencom.linklevel.tokens import Tokens
from tokencom.models.split.masks import SHARED, block_mask, own_positions
from tokencom.models.systems import LinkTraining, SourceSystemLink, SystemLink, TokenMemory
from tokencom.models.systems.state import copy_state, state_of
from tokencom.models.taichi.batches import NOTHING, asked, in_common, packed, referents_of
from tokencom.models.training import Stage, train
from tokencom.scenarios.datasets.clevr_synth import ClevrSynth

sys.path.insert(0, str(Path(__file__).parent))
from small_taichi import QUESTIONS, SAMPLES, asking, describing, reading, small


def link(system):
    codec = DenseCodec(dim=system.dim, symbols_per_token=4, encoder_hidden=16, decoder_hidden=16)
    return JSCCLink(FlatAirInterface(channel="awgn"), codec, length="known")


def test_questions_of_an_image_share_its_tokens():
    system = small()
    batch = system.collate(SAMPLES)
    assert batch["pixels"].shape == (2, 3, 32, 32)
    tokens = system.tokens(batch)
    assert tokens.values.shape == (2, 16, 16)
    assert tokens.mask.all()
    assert (batch["segment"].amax(1) == 2).all()
    assert (batch["target"] != NOTHING).sum(1).tolist() == [6, 6]  # three answers, each with its end


def test_grouped_loss_is_the_mean_of_single_ones():
    system = small()
    with torch.no_grad():
        batch = system.collate(SAMPLES)
        grouped = system.loss(system.tokens(batch), batch)
        single = []
        for sample in SAMPLES:
            batch = system.collate([sample])
            single.append(system.loss(system.tokens(batch), batch))
    torch.testing.assert_close(grouped, torch.stack(single).mean(), atol=1e-5, rtol=0)


def test_mask_keeps_questions_apart():
    segment = torch.tensor([[0, 0, 1, 1, 1, -1]])
    sent = torch.tensor([[True, True, False]])
    seen = block_mask(sent, segment, full=True)[0, 0]
    rows = ["110000000", "110000000", "111000000", "110100000", "110110000", "110001000", "110001100", "110001110"]
    assert seen[:8].long().tolist() == [[int(x) for x in row] for row in rows]
    assert own_positions(sent, segment)[0, :5].tolist() == [2, 3, 2, 3, 4]


def test_what_all_prompts_begin_with_is_read_once():
    """Losses and their gradients are those of texts that have it each for itself."""
    system = small()
    texts = [([5, 6, 7, 8], [9, 3]), ([5, 6, 10], [11, 3]), ([5, 6, 7, 12, 13], [14, 3])]
    together = packed([texts], 0)
    assert together["segment"].tolist() == [[SHARED] * 2 + [0] * 3 + [1] * 2 + [2] * 4]
    apart = packed([[text] for text in texts], 0)
    assert not (apart["segment"] == SHARED).any()
    pixels = system.collate(SAMPLES)["pixels"][:1]
    found = []
    for rows in (together, apart):
        given = {"pixels": pixels.expand(len(rows["ids"]), -1, -1, -1)} | rows
        system.zero_grad()
        loss = system.loss(system.tokens(given), given)
        loss.backward()
        gradient = [p.grad for p in system.parameters() if p.requires_grad and p.grad is not None]
        found.append([loss.detach(), *gradient])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_referents_are_where_the_words_are_behind_a_shared_beginning():
    system = small()

    class Told:
        """Texts with two ids before every prompt."""

        def __init__(self, texts):
            self.texts = texts

        def words(self, ids):
            return ["answer", "this", *self.texts.words(ids[2:])]

    own = list(ClevrSynth(num_images=1, questions_per_image=4, size=32))
    plain = [asked(sample, system.texts, crosses=False, answered=True) for sample in own]
    told = [([1, 2, *prompt], answer) for prompt, answer in plain]
    before = referents_of([plain], [own], system.texts, (4, 4))
    after = referents_of([told], [own], Told(system.texts), (4, 4))
    ids, other = packed([plain], 0)["ids"][0], packed([told], 0)["ids"][0]
    assert in_common(told) == 2
    assert len(other) == len(ids) + 2
    assert torch.equal(ids[before["referent_place"]], other[after["referent_place"]])
    assert torch.equal(before["referent_cells"], after["referent_cells"])


def test_the_receiver_lower_layers_do_not_see_what_was_sent():
    system = small(language=replace(small().config.language, num_layers=1))
    layer = system.language.lower.decoder.layers[0]
    seen = []
    layer.register_forward_hook(lambda module, given, out: seen.append(given[0].shape[1]))
    batch = system.collate(SAMPLES[:3])
    system.loss(system.tokens(batch), batch)
    assert seen == [system.num_tokens, batch["ids"].shape[1]]


@pytest.mark.parametrize("question", ["at_receiver", "sent"])
def test_answers_do_not_depend_on_the_other_items_of_a_batch(question):
    system = small(question=question)
    together = system.answer(system.encode(SAMPLES), SAMPLES)
    alone = [system.answer(system.encode([sample]), [sample])[0] for sample in SAMPLES]
    assert together == alone
    assert len(set(together)) > 1


def test_padding_behind_tokens_changes_no_answer():
    system = small()
    tokens = system.encode(SAMPLES)
    wide = Tokens(
        torch.cat([tokens.values, torch.full((6, 5, 16), 9.0)], 1),
        torch.cat([tokens.mask, torch.zeros(6, 5).bool()], 1),
    )
    assert system.answer(wide, SAMPLES) == system.answer(tokens, SAMPLES)


def test_answers_are_what_the_model_without_cache_would_say():
    system = small()
    for sample in SAMPLES:
        tokens = system.encode([sample])
        answer = system.texts.ids(system.answer(tokens, [sample])[0])
        prompt = system.texts.prompt("vqa", sample.inputs, crosses=False)
        with torch.no_grad():
            written: list[int] = []
            while len(written) < 6:
                ids = torch.tensor([prompt + written])
                hidden = system.language.receive(tokens.values, tokens.mask, ids, torch.zeros_like(ids))
                written.append(int(system.language.logits(hidden[:, -1]).argmax()))
        text = system.texts.text(written)
        assert system.texts.text(answer) == text


def test_nothing_of_the_image_gets_past_what_was_sent():
    system = small()
    first, second = asking(1, QUESTIONS[0]), asking(2, QUESTIONS[0])
    nothing = Tokens(torch.zeros(1, 16, 16))
    assert system.answer(nothing, [first]) == system.answer(nothing, [second])
    assert system.encode([first]).values.ne(system.encode([second]).values).any()


def test_a_question_that_crosses_is_not_at_the_receiver():
    system = small(question="sent")
    nothing = Tokens(torch.zeros(1, 24, 16))
    answers = {system.answer(nothing, [asking(1, question)])[0] for question in QUESTIONS}
    assert len(answers) == 1
    lengths = {system.encode([asking(1, question)]).values.shape[1] for question in QUESTIONS}
    assert min(lengths) > system.num_tokens


def test_texts_cross_and_get_a_class():
    system = small()
    samples = [reading("I loved the soup."), reading("The plot was anything but good, and I agree.")]
    batch = system.collate(samples)
    tokens = system.tokens(batch)
    assert tokens.num_tokens.tolist() == [len(system.texts.ids(sample.inputs["text"])) for sample in samples]
    assert not tokens.values[~tokens.mask].any()
    assert system.loss(tokens, batch).isfinite()
    nothing = Tokens(torch.zeros_like(tokens.values), tokens.mask)
    assert len(set(system.answer(nothing, [samples[0], samples[0]]))) == 1
    with pytest.raises(ValueError, match="with and without image"):
        system.collate([samples[0], SAMPLES[0]])


def test_descriptions_begin_with_a_capital():
    system = small()
    samples = [describing(1), describing(2)]
    batch = system.collate(samples)
    assert "cells" not in batch
    assert system.loss(system.tokens(batch), batch).isfinite()
    assert all(text[:1] == text[:1].upper() for text in system.answer(system.encode(samples), samples))
    with pytest.raises(ValueError, match="'cells' needs a scene graph"):
        system.auxiliary(batch, ("cells",))


def test_earlier_turns_are_in_the_prompt():
    system = small()
    sample = SAMPLES[0]
    later = replace(sample, extra={"history": [("What color is the cube?", "red")]})
    words = system.texts.tokenizer
    earlier = [*words.ids("what color is the cube?"), words.output, *words.ids("red"), words.end]
    plain, turns = (system.collate([one])["ids"][0].tolist() for one in (sample, later))
    assert turns == [*earlier, *plain]


def test_a_decoded_picture_is_answered_with_question_and_earlier_turns():
    system = small()
    samples = [SAMPLES[0], replace(SAMPLES[0], extra={"history": [("What color is the cube?", "red")]})]
    digital = DigitalLink(air=FlatAirInterface(channel="awgn"), code="uncoded", coderate=1.0, num_bits_per_symbol=2)
    chain = SourceSystemLink(system, digital, source=JPEG(shape=(32, 32, 3)), memory=TokenMemory())
    asked = []
    system.answer, plain = lambda tokens, items: asked.extend(items) or plain(tokens, items), system.answer
    found = chain(samples, 60.0, Draws(seed=1)).payload
    assert [item.extra for item in asked] == [{}, samples[1].extra]
    decoded = [replace(one, inputs={**one.inputs, "image": asked[0].inputs["image"]}) for one in samples]
    assert not np.array_equal(asked[0].inputs["image"], samples[0].inputs["image"])
    assert found == plain(system.encode(decoded), decoded)


def test_every_reply_of_a_conversation_is_trained_on_after_those_before_it():
    system = small()
    turns = (("<image>What color is the cube?", "red"), ("How big is it?", "large"))
    batch = system.collate([replace(SAMPLES[0], extra={"turns": turns})])
    words = system.texts.tokenizer
    first = [words.output, *words.ids("red")]
    further = [*words.ids("red"), words.end, *words.ids("how big is it?"), words.output, *words.ids("large")]
    said = words.ids("what color is the cube?")  # both replies follow it, so it stands once
    assert batch["ids"].tolist() == [[*said, *first, words.output, *further]]
    assert batch["segment"].tolist() == [[SHARED] * len(said) + [0] * len(first) + [1] * (1 + len(further))]
    trained = batch["target"][batch["target"] != NOTHING].tolist()
    assert trained == [*words.ids("red"), words.end, *words.ids("large"), words.end]


def test_losses_reach_every_part():
    system = small().train()
    batch = system.collate(SAMPLES)
    losses = system.auxiliary(batch, ("cells", "captions"))
    (system.loss(system.tokens(batch), batch) + losses["cells"] + losses["captions"]).backward()
    idle = {name for name, p in system.named_parameters() if p.grad is None or not p.grad.abs().sum()}
    # Keys have no use for a bias in a softmax, and the last layer of the ViT sees the class token only as a key.
    assert {name for name in idle if "k_proj.bias" not in name and "down_key.bias" not in name} == set()


def test_the_image_is_encoded_once_in_a_step_and_anew_after_it():
    system = small().train()
    calls = []
    system.low.register_forward_hook(lambda *_: calls.append(1))
    batch = system.collate(SAMPLES)
    optimizer = torch.optim.SGD(system.parameters(), lr=0.1)
    for number in (1, 2):
        loss = system.loss(system.tokens(batch), batch) + system.auxiliary(batch, ("cells",))["cells"]
        assert len(calls) == number
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_keys_and_encoder_ids_tell_what_differs():
    system, same = small(), small()
    assert system.key(SAMPLES[0]) == system.key(SAMPLES[1]) != system.key(SAMPLES[3])
    asked = small(question="sent")
    assert asked.key(SAMPLES[0]) != asked.key(SAMPLES[1])
    assert system.encoder_id() == same.encoder_id() != small(seed=1).encoder_id()
    before = system.encoder_id()
    with torch.no_grad():
        system.projector.layers[0].base_weight[0, 0] += 1
    assert system.encoder_id() != before


def test_pictures_of_another_size_are_scaled():
    system = small()
    samples = [asking(1, QUESTIONS[0], side=48), asking(2, QUESTIONS[0])]
    assert system.encode(samples).values.shape == (2, 16, 16)
    bad = replace(SAMPLES[0], inputs={"image": np.zeros((4, 4)), "question": "?"})
    with pytest.raises(ValueError, match=r"float64 \[4, 4\] given"):
        system.encode([bad])


@pytest.mark.parametrize("kind", [{"attention": "dense"}, {"attention": "none"}, {"projector": "mlp"}, {"pooling": 2}])
def test_ablations_run_and_train(kind):
    system = small(**kind).train()
    batch = system.collate(SAMPLES)
    tokens = system.tokens(batch)
    loss = system.loss(tokens, batch) + system.auxiliary(batch, ("cells",))["cells"]
    loss.backward()
    assert tokens.values.shape[1] == (4 if "pooling" in kind else 16)
    assert all(p.grad is None or p.grad.isfinite().all() for p in system.parameters())


def test_trains_over_a_link(tmp_path):
    system = small()
    model = SystemLink(system, link(system))
    training = LinkTraining(model, SAMPLES, group=2)
    stages = [
        Stage(name="cells", trainable=("system.*",), steps=2, batch_size=2, losses={"cells": 1.0}),
        Stage(
            name="joint",
            trainable=("*",),
            steps=25,
            batch_size=2,
            learning_rate=3e-3,
            losses={"task": 1.0, "cells": 0.3},
        ),
    ]
    before = {name: tensor.clone() for name, tensor in state_of({"system": system}).items()}
    train(training, stages, seed=1, system=system.configuration(), data={}, folder=tmp_path)
    after = state_of({"system": system})
    assert any(not torch.equal(after[name], before[name]) for name in after)
    batch = training.batch(np.arange(2))
    with torch.no_grad():
        learned = training.losses(batch, torch.full((2,), 15.0), Draws(seed=2), ("task",))["task"]
    assert learned < 2.0  # of log(695) = 6.5 at the start
    copy_state({"system": system}, {"system": small(seed=3)})
