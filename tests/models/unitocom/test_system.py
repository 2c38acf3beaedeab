import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.links import AnalogLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.systems import LinkTraining, SystemLink
from tokencom.models.systems.state import copy_state
from tokencom.models.taichi.batches import NOTHING
from tokencom.models.training import Stage, train
from tokencom.models.unitocom.standard import Standard, WordTable
from tokencom.scenarios.datasets.base import ListDataset

sys.path.insert(0, str(Path(__file__).parent))
from small_unitocom import CAPTIONS, SAMPLES, built, captions, questions, small, spoken

TASKS = tuple(SAMPLES)


@pytest.fixture(scope="module")
def system():
    return built()


def seeded(batch, seed=5):
    return batch | {"seed": torch.tensor(seed)}


@pytest.mark.parametrize("task", TASKS)
def test_answers_do_not_depend_on_the_batch(system, task):
    samples = SAMPLES[task]()
    together = system.answer(system.encode(samples), samples)
    assert len(together) == len(samples)
    alone = system.answer(system.encode(samples[1:2]), samples[1:2])[0]
    if task == "text_to_image":
        assert alone.shape == (64, 64, 3)
        assert alone.dtype == np.uint8
        # Sums in another order may round a pixel the other way.
        assert np.abs(alone.astype(int) - together[1].astype(int)).max() <= 1
        assert np.abs(alone.astype(int) - together[0].astype(int)).max() > 1
    else:
        assert alone == together[1]


@torch.no_grad()
def test_loss_of_answers_is_the_mean_over_questions_alone(system):
    batch = system.collate(questions())
    found = system.loss(system.tokens(batch), batch)
    total = count = 0
    for sample in questions():
        own = system.collate([sample])
        words = int((own["target"] != NOTHING).sum())
        total += float(system.loss(system.tokens(own), own)) * words
        count += words
    assert batch["image"].shape[0] == 2
    assert float(found) == pytest.approx(total / count, rel=1e-4)


@torch.no_grad()
def test_sent_questions_are_taken_from_the_air():
    system = built(question="sent", tasks=["vqa"])
    samples = questions(3)
    tokens = system.encode(samples)
    words = [len(system.texts.ids(sample.inputs["question"])) for sample in samples]
    assert tokens.num_tokens.tolist() == [16 + count for count in words]
    stripped = [replace(one, inputs={**one.inputs, "question": "else"}) for one in samples]
    assert system.answer(tokens, stripped) == system.answer(tokens, samples)
    batch = system.collate(samples)
    assert batch["image"].shape[0] == 3
    silent = Tokens(tokens.values * 0, tokens.mask)
    assert float(system.loss(tokens, batch)) != float(system.loss(silent, batch))


@torch.no_grad()
@pytest.mark.parametrize("task", TASKS)
def test_nothing_received_is_answered_and_leaks_nothing(system, task):
    samples = SAMPLES[task]()
    nothing = Tokens(torch.zeros(len(samples), 0, 16))
    masked = Tokens(torch.randn(len(samples), 20, 16), torch.zeros(len(samples), 20, dtype=torch.bool))
    one, two = system.answer(nothing, samples), system.answer(masked, samples)
    assert len(one) == len(two) == len(samples)
    if task != "text_to_image":
        assert one == two
    noise = torch.randn(len(samples), 32, 16, generator=torch.Generator().manual_seed(0))
    hidden = [replace(one, inputs={key: _other(value, key) for key, value in one.inputs.items()}) for one in samples]
    pairs = zip(system.answer(Tokens(noise), samples), system.answer(Tokens(noise), hidden), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def _other(value, key):
    """Other content of what crosses; the question stays at the receiver."""
    if key == "question":
        return value
    return "Two." if key == "text" else 0 * value


@torch.no_grad()
def test_long_audio_is_cut_into_chunks(system):
    samples = spoken((30_000, 8000))
    tokens = system.encode(samples)
    assert tokens.num_tokens.tolist() == [64, 32]
    first = system.encode(spoken((30_000,))[:1])
    assert torch.allclose(tokens.values[0], first.values[0], atol=1e-5)
    head = replace(samples[0], inputs={"audio": samples[0].inputs["audio"][:25_600]})
    assert torch.allclose(system.encode([head]).values[0], tokens.values[0, :32], atol=1e-5)
    assert not tokens.values[1, 32:].any()


@torch.no_grad()
def test_audio_that_did_not_arrive_is_silence(system):
    nothing, silence = spoken((0, 8000))
    silence = replace(silence, inputs={"audio": np.zeros(25_600, np.float32)})
    assert torch.equal(system.encode([nothing]).values, system.encode([silence]).values)


def test_words_cross_with_unit_deviation_and_snap_to_the_nearest():
    table = WordTable(50, 16, seed=0)
    values = table(torch.arange(50))
    assert torch.allclose(values.std(-1, correction=0), torch.ones(50), atol=1e-3)
    noisy = (values + 0.1 * torch.randn(50, 16, generator=torch.Generator().manual_seed(1))).detach().requires_grad_()
    nearest = table.nearest(noisy)
    loop = torch.stack([values[(values - row).square().sum(1).argmin()] for row in noisy])
    assert torch.allclose(nearest, loop, atol=1e-6)
    assert torch.allclose(nearest, values, atol=1e-6)
    nearest.sum().backward()
    assert torch.equal(noisy.grad, torch.ones_like(noisy))


@torch.no_grad()
def test_nearest_entries_hide_small_noise():
    samples = captions()
    noise = 0.05 * torch.randn(3, 64, 16, generator=torch.Generator().manual_seed(1))
    for words, same in (("nearest", True), ("soft", False)):
        system = built(words=words, tasks=["text_to_image"])
        tokens = system.encode(samples)
        noisy = Tokens((tokens.values + noise[:, : tokens.values.shape[1]]) * tokens.mask[..., None], tokens.mask)
        batch = seeded(system.collate(samples))
        torch.nn.init.normal_(system.diffusion.leave.weight, generator=torch.Generator().manual_seed(0))
        torch.nn.init.normal_(system.diffusion.last.weight, generator=torch.Generator().manual_seed(1))
        clean, dirty = (float(system.loss(one, batch)) for one in (tokens, noisy))
        assert (clean == pytest.approx(dirty, abs=1e-5)) == same


def test_each_loss_trains_its_own_part():
    system = built()
    batches = {task: seeded(system.collate(SAMPLES[task]())) for task in TASKS}

    def reached(make):
        system.zero_grad()
        make().backward()
        names = {n for n, p in system.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        return {".".join(n.split(".")[: 3 if n.startswith("senders") else 1]) for n in names}

    vqa, spoken_, drawn = (reached(lambda b=b: system.loss(system.tokens(b), b)) for b in batches.values())
    assert vqa == {"senders.image.tokenizer", "language"}
    assert spoken_ == {"senders.audio.tokenizer", "language"}
    assert drawn == {"diffusion"}  # the head begins as a constant, so that nothing is behind it yet
    torch.nn.init.normal_(system.diffusion.leave.weight, generator=torch.Generator().manual_seed(0))
    torch.nn.init.normal_(system.diffusion.last.weight, generator=torch.Generator().manual_seed(1))
    batch = batches["text_to_image"]
    assert reached(lambda: system.loss(system.tokens(batch), batch)) == {"diffusion", "language", "words"}
    names = ("tokenizer_image", "tokenizer_audio")
    for task, (own, other) in (("vqa", names), ("text_to_image", names), ("asr", names[::-1])):
        found = system.auxiliary(batches[task], names)
        assert float(found[other].detach()) == 0
        assert reached(lambda found=found, own=own: found[own]) == {f"senders.{own[10:]}.tokenizer"}


def test_tokens_are_sampled_with_a_seed_only(system):
    batch = system.collate(questions())
    plain = system.tokens(batch).values
    assert torch.equal(plain, system.tokens(batch).values)
    one, two = (system.tokens(seeded(batch, seed)).values for seed in (1, 2))
    assert torch.equal(one, system.tokens(seeded(batch, 1)).values)
    assert not torch.allclose(one, plain)
    assert not torch.allclose(one, two)
    drawn = system.collate(captions())
    with pytest.raises(ValueError, match="no 'seed'"):
        system.loss(system.tokens(drawn), drawn)


@torch.no_grad()
def test_prepare_gives_unit_deviation():
    system = built()
    system.prepare([*questions(), *spoken(), *captions()])
    for samples in (questions(), spoken()):
        values = system.encode(samples).values
        assert abs(float(values.mean())) < 0.2
        assert float(values.std()) == pytest.approx(1, abs=0.2)


def test_scale_follows_what_it_is_shown():
    standard = Standard()
    first, second = torch.tensor([0.0, 2.0]), torch.tensor([4.0, 8.0])
    standard.follow(first)
    assert torch.allclose(standard(first), torch.tensor([-1.0, 1.0]))
    standard.follow(second)
    every = torch.cat([first, second])
    assert torch.allclose(standard(every).mean(), torch.zeros(()), atol=1e-6)
    assert torch.allclose(standard(every).square().mean(), torch.ones(()))
    assert torch.allclose(standard.restored(standard(every)), every, atol=1e-6)
    standard.fit(first)
    assert torch.allclose(standard(first), torch.tensor([-1.0, 1.0]))


@torch.no_grad()
def test_reconstruction_is_the_distortion_of_what_arrived():
    system = built(objective="reconstruction", captions="tokens")
    for task, modality, key in (
        ("vqa", "image", "image"), ("asr", "audio", "audio"), ("text_to_image", "text", "caption")
    ):  # fmt: skip
        batch = system.collate(SAMPLES[task]())
        tokenizer = system.senders[modality].tokenizer
        wanted = tokenizer.distortion(batch[key], tokenizer.decode(tokenizer.encode(batch[key]))).mean()
        assert float(system.loss(system.tokens(batch), batch)) == pytest.approx(float(wanted), rel=1e-4)
    words = built(objective="reconstruction")
    batch = words.collate(captions())
    with pytest.raises(ValueError, match="give a text tokenizer"):
        words.loss(words.tokens(batch), batch)


@torch.no_grad()
def test_a_reconstruction_is_what_was_sent_in_the_form_of_samples():
    system = built(objective="reconstruction", captions="tokens")
    for task in TASKS:
        samples = SAMPLES[task]()
        sent = system.encode(samples)
        found = system.answer(sent, samples)
        assert len(found) == len(samples)
        if task == "vqa":
            tokenizer = system.senders["image"].tokenizer
            mean, variance = system.units(samples)
            assert torch.all(variance == tokenizer.config.c_sigma)
            wanted = tokenizer.contents(tokenizer.decode(mean))
            assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))
            few = Tokens(sent.values[:, :5], sent.mask[:, :5])
            nothing = torch.zeros_like(sent.values)
            nothing[:, :5] = few.values
            padded = system.answer(Tokens(nothing), samples)
            assert all(np.array_equal(a, b) for a, b in zip(system.answer(few, samples), padded, strict=True))
        elif task == "asr":
            most = system.senders["audio"].tokenizer.max_samples
            assert [len(one) for one in found] == [most * -(-len(s.inputs["audio"]) // most) for s in samples]
        else:
            assert all(isinstance(one, str) for one in found)


def test_one_model_trains_on_all_tasks_over_a_link(tmp_path):
    system = built(num_draws=1)
    model = SystemLink(system, AnalogLink(FlatAirInterface(channel="awgn"), 16, length="known"))
    data = tuple(ListDataset(name=task, samples=SAMPLES[task]()) for task in TASKS)
    scale = system.senders["image"].standard.mean.clone()
    stages = [
        Stage(name="tokenizers", trainable=("system.senders",), steps=3, batch_size=2,
              losses={"tokenizer_image": 1.0, "tokenizer_audio": 1.0}),
        Stage(name="language", trainable=("system.language", "system.diffusion", "system.words"), steps=24,
              batch_size=2, learning_rate=1e-2, losses={"task": 1.0}, snr_db=(10.0, 20.0)),
    ]  # fmt: skip
    training = LinkTraining(model, data, group=3)
    train(training, stages, seed=1, folder=tmp_path, data={}, system={}, tensorboard=False)
    assert not torch.equal(system.senders["image"].standard.mean, scale)
    fresh = built(num_draws=1)
    for task in ("vqa", "asr"):
        batch = system.collate(SAMPLES[task]())
        with torch.no_grad():
            before, after = (float(one.loss(one.tokens(batch), batch)) for one in (fresh, system))
        assert after < 0.7 * before
    copy_state({"system": system}, {"system": fresh})
    assert fresh.encoder_id() == system.encoder_id()
    for task in TASKS:
        samples = SAMPLES[task]()
        found, own = (one.answer(one.encode(samples), samples) for one in (fresh, system))
        assert all(np.array_equal(a, b) for a, b in zip(found, own, strict=True))
        assert all(alike(a, b) for a, b in zip(found, model.clean(samples, 10.0), strict=True))


def alike(answer, other):
    """Whether two texts are equal, or two pictures but for rounding: the link scales tokens, and scales them back."""
    return answer == other if isinstance(answer, str) else np.abs(answer.astype(int) - other).max() <= 1


def test_keys_tell_what_is_sent(system):
    one, same, other = questions(6)[0], questions(6)[1], questions(6)[3]
    assert system.key(one) == system.key(same) != system.key(other)
    sent = built(question="sent", tasks=["vqa"])
    assert sent.key(one) != sent.key(same)
    assert len({system.key(sample) for sample in (*captions(), *spoken())}) == 5
    assert built(seed=1).encoder_id() == built(seed=1, num_steps=2).encoder_id() != system.encoder_id()


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([*questions(1), *spoken()], "of asr and vqa in one batch"),
        ([replace(questions(1)[0], inputs={"image": np.zeros((64, 64, 3), np.uint8)})], r"\['image'\] of sample 'q0'"),
        ([replace(captions(1)[0], extra={})], r"'c0': has no extra\['picture'\]"),
    ],
)
def test_bad_samples(system, samples, message):
    with pytest.raises(ValueError, match=message):
        system.collate(samples)


def test_a_task_that_is_off_is_refused():
    system = built(tasks=["asr"])
    assert set(system.senders) == {"audio"}
    with pytest.raises(ValueError, match="tasks: 'vqa' is not known"):
        system.encode(questions())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizers": ()}, "task 'vqa' needs one for image"),
        ({"tasks": ()}, "at least one of vqa, asr, text_to_image"),
        ({"words": "softer"}, "words: 'softer' is not known"),
    ],
)
def test_bad_configurations(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(small(), **changes)


def test_widths_must_be_equal():
    config = small()
    other = replace(config.tokenizers[1], dim=8)
    with pytest.raises(ValueError, match=r"'image': 16, 'audio': 8.*widths must be equal"):
        replace(config, tokenizers=(config.tokenizers[0], other))


def test_captions_are_known_words(system):
    for text in CAPTIONS:
        assert system.texts.tokenizer.unknown not in system.texts.ids(text)
