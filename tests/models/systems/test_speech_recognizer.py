"""Speech over links, with a tiny random Whisper in place of the real one."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers", reason="extra 'models' is not installed")

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from tokencom.linklevel import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import DigitalLink, JSCCLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models import whisper as whisper_module
from tokencom.models.pretrained import available
from tokencom.models.systems import LinkTraining, SourceSystemLink, SpeechRecognizer, SystemLink, TokenMemory
from tokencom.models.systems import speech_recognizer as module
from tokencom.models.systems.speech_recognizer import pooled
from tokencom.models.whisper import Transcriber

WIDTH = 16
DRAWS = Draws(seed=3)
WORDS = ("<|startoftranscript|>", "<|notimestamps|>", "<|endoftext|>", "?", "one", "two", "three", "four", "five")


@dataclass(frozen=True)
class Item:
    id: str
    inputs: dict[str, Any]
    references: tuple[str, ...] = field(default=("one two",))
    cluster: int = 0


class Tiny(Transcriber):
    """Whisper's architecture with random parameters and nine words."""

    def __init__(self) -> None:
        config = WhisperConfig(
            vocab_size=len(WORDS), d_model=WIDTH, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, num_mel_bins=80, pad_token_id=2,
            bos_token_id=0, eos_token_id=2, decoder_start_token_id=0, max_target_positions=500,
        )  # fmt: skip
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.model = WhisperForConditionalGeneration(config).eval().requires_grad_(False)
            for parameter in self.model.parameters():
                parameter.mul_(4.0 if parameter.ndim == 2 else 1.0)
        words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="?"))
        words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        self.tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=words, additional_special_tokens=list(WORDS[:3]), unk_token="?"
        )
        self.suppressed, self.suppressed_first, self.device = [0, 1], [2], "cpu"
        self.features = WhisperFeatureExtractor(feature_size=80)
        self.weights: Any = SimpleNamespace(sha256="tiny")


@pytest.fixture(scope="module")
def tiny() -> Tiny:
    return Tiny()


@pytest.fixture
def whisper(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    monkeypatch.setattr(module, "_loaded", lambda *_: tiny)
    return tiny


def audio(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.normal(size=round(16_000 * seconds))).astype(np.float32)


def items(*seconds: float) -> list[Item]:
    return [Item(str(number), {"audio": audio(value, number)}) for number, value in enumerate(seconds)]


def test_the_part_encoder_is_the_whole_one(whisper: Tiny) -> None:
    features = whisper.features([audio(1.0)], sampling_rate=16_000, return_tensors="pt").input_features
    whole = whisper.model.model.encoder(features).last_hidden_state
    torch.testing.assert_close(whisper.encode(features), whole)
    system = SpeechRecognizer(context=None)
    assert torch.equal(system.encode(items(1.0)).values[0], whisper.encode(features)[0, :50])
    assert not torch.allclose(SpeechRecognizer(context=0).encode(items(1.0)).values, whole[:, :50], atol=1e-3)


@pytest.mark.parametrize("pooling", [1, 2, 3])
def test_only_the_spoken_part_is_kept(pooling: int, whisper: Tiny) -> None:
    system = SpeechRecognizer(pooling=pooling)
    tokens = system.encode(items(0.5, 0.01, 0.0, 0.501))
    assert tokens.num_tokens.tolist() == [-(-count // pooling) for count in (25, 1, 0, 26)]
    assert system.dim == tokens.values.shape[2] == WIDTH
    assert not bool(tokens.values[~tokens.mask].any())
    whole = SpeechRecognizer().encode(items(0.501)[:1]).values[0]
    torch.testing.assert_close(pooled(whole, pooling)[0], whole[:pooling].mean(0))
    assert system.answer(tokens, [None] * 4)[2] == ""


def test_items_do_not_depend_on_each_other(whisper: Tiny) -> None:
    system, samples = SpeechRecognizer(), items(0.4, 0.9)
    batch, alone = system.encode(samples), system.encode(samples[:1])
    assert torch.equal(batch.values[0, :20], alone.values[0])
    assert system.answer(batch, samples)[0] == system.answer(alone, samples)[0]
    assert system.key(samples[0]) != system.key(samples[1])
    assert system.encoder_id() != SpeechRecognizer(context=2.0).encoder_id()


def test_audio_at_another_rate_is_resampled(whisper: Tiny) -> None:
    from scipy.signal import resample_poly

    low = audio(0.5)[::2].copy()
    system = SpeechRecognizer(sampling_rate=8000)
    high = resample_poly(low, 2, 1)
    expected = SpeechRecognizer().encode([Item("", {"audio": high})])
    assert torch.equal(system.encode([Item("", {"audio": low})]).values, expected.values)


def test_the_receiver_hears_tokens_and_its_own_silence(whisper: Tiny) -> None:
    system = SpeechRecognizer(pooling=2, drop_unsure=False)
    values = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(1))
    heard = system._heard(values)
    assert heard.shape == (1, 1500, WIDTH)
    assert torch.equal(heard[0, :6], values[[0, 0, 1, 1, 2, 2]])
    silence = whisper.encode(torch.full((1, 80, 3000), module.SILENCE))
    assert torch.equal(heard[:, 6:], silence[:, 6:])
    written = whisper.write(heard, max_tokens=7)[0]
    assert len(written.split()) <= 7
    assert system.answer(Tokens(values[None]), [None])[0].split() == written.split()
    poor = Tokens(torch.full((1, 3, WIDTH), float("nan")), torch.zeros(1, 3, dtype=torch.bool))
    assert system.answer(poor, [None]) == [""]


def test_what_whisper_is_unsure_of_is_dropped(whisper: Tiny) -> None:
    values = 3 * torch.randn(6, 1500, WIDTH, generator=torch.Generator().manual_seed(2))
    ids, mean = whisper._greedy((values,), 6, 5)
    for row, chosen, expected in zip(values, ids, mean, strict=True):
        logits = whisper.logits(row[None], torch.tensor([[0, 1, *chosen.tolist()]]))[0, 1:]
        logits[:, whisper.suppressed] = -torch.inf
        logits[0, whisper.suppressed_first] = -torch.inf
        told = [int(token) for token in chosen]
        length = told.index(2) + 1 if 2 in told else len(told)
        by_hand = logits.log_softmax(-1)[range(length), told[:length]].mean()
        assert float(expected) == pytest.approx(float(by_hand), abs=1e-3)
    every, sure = (whisper.write(values, max_tokens=5, drop_unsure=rule) for rule in (False, True))
    kept = [float(value) >= -1 for value in mean]
    assert sure == [text if good else "" for text, good in zip(every, kept, strict=True)]
    assert whisper_module._loops("no " * 60)
    assert not whisper_module._loops("The quick brown fox jumps over the lazy dog, and then it sleeps.")


def test_a_noiseless_link_changes_nothing(whisper: Tiny) -> None:
    system = SpeechRecognizer(drop_unsure=False)
    link = JSCCLink(FlatAirInterface(channel="awgn"), DenseCodec(dim=WIDTH, symbols_per_token=4), max_num_tokens=1500)
    model, samples = SystemLink(system, link, memory=TokenMemory()), items(0.4, 0.9)
    reception = model(samples, 90.0, DRAWS)
    assert reception.payload == model.clean(samples, 90.0)
    assert reception.channel_uses.total.tolist() == [link.num_channel_uses(count) for count in (20, 45)]
    assert list(model.state_dict()) == [f"link.{key}" for key in link.state_dict()]


def test_opus_is_heard_by_the_same_whisper(whisper: Tiny) -> None:
    pytest.importorskip("av", reason="extra 'data' is not installed")
    from tokencom.linklevel.sources import Opus

    system, samples, source = (
        SpeechRecognizer(drop_unsure=False),
        items(0.4, 0.2),
        Opus(sampling_rate=16_000, bit_rate=6),
    )
    digital = DigitalLink(air=FlatAirInterface(channel="awgn"), code="conv", num_bits_per_symbol=4, coderate=0.5)
    links = {
        rule: SourceSystemLink(system, digital, source=source, on_failure=rule, memory=TokenMemory())
        for rule in ("decoded", "fallback")
    }
    heard = [Item("", {"audio": source.decode(source.encode(sample.inputs["audio"])).item}) for sample in samples]
    right = system.answer(system.encode(heard), heard)
    for link in links.values():
        good = link(samples, 30.0, DRAWS)
        assert bool(good.ok.all())
        assert good.payload == right == link.clean(samples, 30.0)
        assert good.channel_uses.total[0] > good.channel_uses.total[1]
        assert link.blind(samples) == ["", ""]
    poor = links["fallback"](samples, 3.0, DRAWS)
    assert not bool(poor.ok.any())
    assert poor.payload == ["", ""]
    assert any(links["decoded"](samples, 3.0, DRAWS).payload)
    with pytest.raises(ValueError, match="on_failure: 'zero'"):
        SourceSystemLink(system, digital, source=source, on_failure="zero")


def test_training_losses(whisper: Tiny) -> None:
    system = SpeechRecognizer()
    batch = system.collate(items(0.3, 0.6))
    assert batch["text"].tolist() == [[0, 1, 4, 5, 2]] * 2
    tokens = system.tokens(batch)
    assert torch.equal(tokens.values, system.encode(items(0.3, 0.6)).values)
    values = tokens.values.clone().requires_grad_()
    loss = system.loss(Tokens(values, tokens.mask), batch)
    loss.backward()
    assert torch.isfinite(values.grad).all()
    assert bool(values.grad[tokens.mask].any())
    assert not bool(values.grad[~tokens.mask].any())
    by_hand = []
    for row, mask in zip(tokens.values, tokens.mask, strict=True):
        logits = whisper.model(
            decoder_input_ids=torch.tensor([[0, 1, 4, 5]]), encoder_outputs=(system._heard(row[mask], 50),)
        ).logits[0, 1:]
        by_hand += (-logits.log_softmax(1)[range(3), [4, 5, 2]]).tolist()
    assert float(loss.detach()) == pytest.approx(np.mean(by_hand), rel=1e-4)
    assert float(system.loss(Tokens(values[:, :0]), batch).detach()) == 0.0


def test_a_codec_is_trained_on_frozen_whisper(whisper: Tiny) -> None:
    from tokencom.models.training import Stage, train

    air = FlatAirInterface(channel="rayleigh")
    link = JSCCLink(air, DenseCodec(dim=WIDTH, symbols_per_token=8, layer_norm=False), max_num_tokens=1500)
    model = SystemLink(SpeechRecognizer(), link)
    training = LinkTraining(model, items(0.3, 0.5, 0.2, 0.4), seed=1)
    before = [parameter.clone() for parameter in whisper.model.parameters()]
    draws, snr_db = Draws(seed=1), torch.full((4,), 20.0)
    training.begin([Stage(name="s", trainable=("link.codec",), steps=1, batch_size=4, losses={"mse": 1.0})], 0)

    def mse() -> float:
        with torch.no_grad():
            return float(training.losses(training.batch(np.arange(4)), snr_db, draws, ("mse",))["mse"])

    start = mse()
    stage = Stage(
        name="s", trainable=("link.codec",), steps=60, batch_size=4, learning_rate=1e-2, losses={"mse": 1.0},
        snr_db=(20.0, 20.0),
    )  # fmt: skip
    train(training, [stage], seed=1, system=model.system.configuration(), data={}, device="cpu", tensorboard=False)
    assert mse() < 0.5 * start
    assert all(torch.equal(a, b) for a, b in zip(before, whisper.model.parameters(), strict=True))


def test_wrong_values_are_refused(whisper: Tiny) -> None:
    for wrong in ({"pooling": 0}, {"context": 31.0}, {"sampling_rate": 10}, {"model": "whisper-tiny"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SpeechRecognizer(**wrong)
    with pytest.raises(ValueError, match=r"audio: 30\.5 s given; Whisper hears 30 s"):
        SpeechRecognizer().encode(items(30.5))
    with pytest.raises(ValueError, match=r"audio: shape \(100, 2\)"):
        SpeechRecognizer().encode([Item("", {"audio": np.zeros((100, 2), np.float32)})])


@pytest.mark.verify
@pytest.mark.skipif(not available("whisper-tiny.en"), reason="weights of Whisper are not installed")
def test_real_whisper_hears_words_through_the_cut() -> None:
    pytest.importorskip("espeakng_loader", reason="extra 'speech' is not installed")
    from tokencom.scenarios.datasets.speech_synth import SpeechSynth
    from tokencom.scenarios.metrics.transcription import error_ratio, transcript_statistics

    data = SpeechSynth(num_utterances=40, split="val", seed=7)
    samples = list(data)
    spoken = [sample.references[0] for sample in samples]
    rates = {}
    for context in (None, 3.0):
        system = SpeechRecognizer(context=context)
        found = system.answer(system.encode(samples), samples)
        rates[context] = float(error_ratio(transcript_statistics(spoken, found, spell_digits=True).sum(0)[:2]))
    assert rates[None] < 0.5
    assert rates[3.0] < rates[None] + 0.1
