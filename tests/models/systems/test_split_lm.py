"""Prompting a tiny random language model that is cut in two."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import JSCCLink
from tokencom.linklevel.tokens import Tokens
from tokencom.models.systems import LinkTraining, SourceSystemLink, SplitLM, SystemLink, TokenMemory, split_lm
from tokencom.models.systems.frozen_split import FrozenSplit
from tokencom.scenarios.datasets.text_synth import TextSynth
from tokencom.scenarios.schema.systems import SplitLM as Config

transformers = pytest.importorskip("transformers")

LAYERS, CUT, WIDTH = 4, 2, 24
BEFORE, AFTER = "ab: x yes, ef: no. ", " = "


def tokenizer(text: str, add_special_tokens: bool = True) -> Any:
    """One token per character."""
    return SimpleNamespace(input_ids=[ord(c) % 64 for c in text])


@pytest.fixture(scope="module")
def model() -> Any:
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=4,
        num_key_value_heads=2,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.LlamaForCausalLM(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(8.0 if parameter.ndim > 1 else 1.0)
    return model


@pytest.fixture
def system(model: Any, monkeypatch: pytest.MonkeyPatch) -> SplitLM:
    split = FrozenSplit(model, tokenizer, CUT)
    monkeypatch.setattr(split_lm, "_loaded", lambda *_: split)
    return SplitLM(words=("no", "yes"), before=BEFORE, after=AFTER, num_layers=CUT, max_num_tokens=20)


def samples(*texts: str) -> list[Any]:
    return [SimpleNamespace(id=text, inputs={"text": text}) for text in texts]


TEXTS = ("one", "a longer text", "four")


def masked_layers(model: Any, text: str) -> torch.Tensor:
    """The whole model with a mask of its own in the lower layers, layer by layer, without any cache."""
    parts = [tokenizer(part).input_ids for part in (BEFORE, " " + text, AFTER)]
    ids = torch.tensor([[*parts[0], *parts[1], *parts[2]]])
    side = torch.repeat_interleave(torch.arange(3), torch.tensor([len(part) for part in parts]))
    causal = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()
    apart = (side[:, None] == 2) & (side == 1)
    hidden = model.model.embed_tokens(ids)
    rotary = model.model.rotary_emb(hidden, torch.arange(ids.shape[1])[None])
    for number, layer in enumerate(model.model.layers):
        allowed = causal & ~apart if number < CUT else causal
        mask = torch.zeros(allowed.shape).masked_fill(~allowed, torch.finfo(torch.float32).min)[None, None]
        hidden = layer(hidden, attention_mask=mask, position_embeddings=rotary)
    logits = model.lm_head(model.model.norm(hidden))[0, -1]
    return logits[torch.tensor([ord("n") % 64, ord("y") % 64])]


@pytest.fixture
def own_first_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words by their own first letter, since here a space is a token of its own."""
    ids = FrozenSplit.ids
    monkeypatch.setattr(
        FrozenSplit, "ids", lambda self, text: ids(self, text[1:] if text in {" no", " yes", " never"} else text)
    )


pytestmark = pytest.mark.usefixtures("own_first_letters")


@torch.no_grad()
def test_logits_are_those_of_the_whole_model_with_both_sides_apart_below_the_cut(model: Any, system: SplitLM) -> None:
    tokens = system.encode(samples(*TEXTS))
    assert tokens.num_tokens.tolist() == [len(text) + 1 for text in TEXTS]
    expected = torch.stack([masked_layers(model, text) for text in TEXTS])
    torch.testing.assert_close(system.logits(tokens), expected, rtol=1e-3, atol=1e-3)
    assert (expected[:, 0] - expected[:, 1]).abs().min() > 0.05


@torch.no_grad()
def test_an_item_is_the_same_alone_and_in_a_batch(system: SplitLM) -> None:
    together, logits = system.encode(samples(*TEXTS)), system.logits(system.encode(samples(*TEXTS)))
    for row, text in enumerate(TEXTS):
        alone = system.encode(samples(text))
        torch.testing.assert_close(together.values[row][together.mask[row]], alone.values[0], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(logits[row : row + 1], system.logits(alone), rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_the_receiver_knows_nothing_but_what_arrived(system: SplitLM) -> None:
    noise = Tokens(torch.randn(1, 4, WIDTH, generator=torch.Generator().manual_seed(1)))
    found = {tuple(system.answer(noise, samples(text))) for text in TEXTS}
    assert len(found) == 1
    first = system.logits(noise)
    system.encode(samples("something else"))
    assert torch.equal(system.logits(noise), first)
    assert system.answer(Tokens(torch.zeros(2, 0, WIDTH)), samples("a", "b")) == [system.answer(
        Tokens(torch.zeros(1, 3, WIDTH), torch.zeros(1, 3, dtype=torch.bool)), samples("c"))[0]] * 2  # fmt: skip


def test_only_the_sentence_is_charged_and_answers_follow_it(system: SplitLM) -> None:
    link = JSCCLink(FlatAirInterface(channel="awgn"), DenseCodec(dim=WIDTH, symbols_per_token=3), length="known")
    around = SystemLink(system, link, memory=TokenMemory())
    batch = samples(*TEXTS)
    reception = around(batch, 10.0, Draws(seed=1))
    assert reception.channel_uses.total.tolist() == [3 * (len(text) + 1) for text in TEXTS]
    assert set(reception.payload) <= {"negative", "positive"}
    words = ("negative", "positive")
    logits = system.logits(system.encode(batch))
    assert system.answer(system.encode(batch), batch) == [words[i] for i in logits.argmax(1).tolist()]


def test_training_lowers_the_divergence_with_the_model_frozen(system: SplitLM, tmp_path: Any) -> None:
    pytest.importorskip("accelerate", reason="extra 'models' is not installed")
    from tokencom.models.training import Stage, train

    codec = DenseCodec(dim=WIDTH, symbols_per_token=4, encoder_hidden=16, decoder_hidden=16, layer_norm=False)
    around = SystemLink(system, JSCCLink(FlatAirInterface(channel="rayleigh"), codec))
    data = TextSynth(num_sentences=12, split="train")
    training = LinkTraining(around, data)
    assert not list(system.parameters())
    batch = training.system.collate(list(data))
    assert training.system.loss(training.system.tokens(batch), batch).item() == pytest.approx(0.0, abs=1e-5)
    frozen = [p.clone() for p in system._model[0].upper.parameters()]

    def divergence() -> float:
        with torch.no_grad():
            terms = training.losses(batch, torch.full((12,), 15.0), Draws(seed=3), ("task",))
        return terms["task"].item()

    training.begin([], 0)
    before = divergence()
    stage = Stage(
        name="both", trainable=("link.codec",), steps=25, batch_size=6, learning_rate=1e-2,
        losses={"task": 1.0, "mse": 0.1}, snr_db=(10.0, 20.0),
    )  # fmt: skip
    train(
        training, [stage], seed=1, system={}, data={}, folder=tmp_path, device="cpu", progress=False, tensorboard=False
    )
    assert divergence() < 0.8 * before
    assert all(torch.equal(a, b) for a, b in zip(frozen, system._model[0].upper.parameters(), strict=True))


def test_text_that_arrived_is_answered_by_the_same_model(system: SplitLM) -> None:
    from tokencom.linklevel.links import SourceLink
    from tokencom.linklevel.sources import HuffmanText

    chain = SourceLink(air=FlatAirInterface(channel="awgn"), source=HuffmanText(), mcs=[(0.5, 4)], num_channel_uses=200)
    link = SourceSystemLink(system, chain, memory=TokenMemory())
    batch = samples(*TEXTS)
    assert link(batch, 25.0, Draws(seed=1)).payload == system.answer(system.encode(batch), batch)


def test_bad_arguments(system: SplitLM) -> None:
    for changed, match in (
        ({"words": ("no", "never")}, "do not differ in their first token"),
        ({"words": ("no",)}, "one for each is needed"),
        ({"classes": ("a", "a")}, "at least two different names"),
        ({"before": ""}, "before: '' given"),
        ({"after": ""}, "after: '' given"),
        ({"max_num_tokens": 0}, "max_num_tokens"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            SplitLM(**{"words": ("no", "yes"), "before": BEFORE, "after": AFTER, "num_layers": CUT, **changed})


def test_the_schema_says_what_the_system_says(system: SplitLM) -> None:
    config = Config(words=("no", "yes"), before=BEFORE, after=AFTER, num_layers=CUT, max_num_tokens=20)
    assert config.identity() == system.configuration()
    assert config.build().configuration() == system.configuration()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="one word for each of the 2 classes"):
        Config(words=("no",), before=BEFORE, after=AFTER)
