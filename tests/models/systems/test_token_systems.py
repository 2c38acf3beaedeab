"""Token systems around links, with a tiny encoder in place of MiniLM."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tokencom.linklevel import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import AnalogLink, DigitalLink, JSCCLink, QuantizedLink, SourceLink
from tokencom.linklevel.quantizers import VectorQuantizer
from tokencom.linklevel.sources import HuffmanText
from tokencom.linklevel.tokens import Tokens
from tokencom.models.pretrained import available
from tokencom.models.systems import SentenceClassifier, SourceSystemLink, SystemLink, TokenMemory, TokenSystem
from tokencom.models.systems import sentence_classifier as module

WIDTH = 12
DRAWS = Draws(seed=3)
CLASSES = ("negative", "positive")


@dataclass(frozen=True)
class Item:
    id: str
    inputs: dict[str, Any]
    references: tuple[str, ...] = field(default=())


class Encoding(dict[str, torch.Tensor]):
    def to(self, device: str) -> "Encoding":
        return self


class FakeEncoder:
    """One token per character, a fixed random vector each, plus two end tokens."""

    device = "cpu"
    weights = SimpleNamespace(sha256="fake")

    def __init__(self) -> None:
        table = torch.randn(256, WIDTH, generator=torch.Generator().manual_seed(0))
        self.texts: list[str] = []
        self.model = lambda input_ids, attention_mask: SimpleNamespace(last_hidden_state=table[input_ids])
        self.model.config = SimpleNamespace(hidden_size=WIDTH)  # type: ignore[attr-defined]

    def tokenizer(self, texts: list[str], *, max_length: int, **_: Any) -> Encoding:
        self.texts += texts
        rows = [[1, *(ord(c) % 256 for c in text[: max_length - 2]), 2] for text in texts]
        width = max(len(row) for row in rows)
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        return Encoding(input_ids=ids, attention_mask=mask)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> FakeEncoder:
    fake = FakeEncoder()
    monkeypatch.setattr(module, "_loaded", lambda *_: fake)
    return fake


@pytest.fixture
def samples() -> list[Item]:
    texts = ["good", "a bad film, too long", "x", "nothing much happens"]
    return [Item(str(number), {"text": text}) for number, text in enumerate(texts)]


def links(dim: int) -> dict[str, Any]:
    air, size = FlatAirInterface(channel="rayleigh"), {"max_num_tokens": 63}
    return {
        "jscc": JSCCLink(air, DenseCodec(dim=dim, symbols_per_token=3), **size),
        "analog": AnalogLink(air, dim, **size),
        "quantized": QuantizedLink(
            air, VectorQuantizer(dim=dim, codebook_size=4, num_groups=2), code="conv", num_bits_per_symbol=2,
            coderate=0.5, **size,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["jscc", "analog", "quantized"])
def test_every_link_carries_a_system(name: str, encoder: FakeEncoder, samples: list[Item]) -> None:
    link = SystemLink(SentenceClassifier(), links(WIDTH)[name], memory=TokenMemory()).eval()
    reception = link(samples, 5.0, DRAWS)
    counts = [len(sample.inputs["text"]) + 2 for sample in samples]
    assert set(reception.payload) <= set(CLASSES)
    assert len(reception.payload) == len(samples)
    assert reception.channel_uses.total.tolist() == [link.link.num_channel_uses(count) for count in counts]
    assert reception.payload == link(samples, 5.0, DRAWS).payload
    # The header stands first, so clean and a strong channel agree.
    tokens = link.tokens(samples)
    strong, clean = link.link(tokens, 80.0, DRAWS).payload, link.link.clean(tokens, 80.0)
    torch.testing.assert_close(strong.values, clean.values, atol=1e-2, rtol=1e-2)
    assert link(samples, 80.0, DRAWS).payload == link.clean(samples, 80.0)


def test_items_are_encoded_once_and_alone(encoder: FakeEncoder, samples: list[Item]) -> None:
    memory = TokenMemory()
    schemes = [SystemLink(SentenceClassifier(), link, memory=memory) for link in links(WIDTH).values()]
    for scheme in schemes:
        for snr_db in (0.0, 10.0):
            scheme(samples, snr_db, DRAWS)
            scheme.clean(samples, snr_db)
            scheme.blind(samples)
    assert sorted(encoder.texts) == sorted(sample.inputs["text"] for sample in samples)
    batch, alone = schemes[0].tokens(samples), schemes[0].tokens(samples[:1])
    assert torch.equal(batch.values[0, : alone.values.shape[1]], alone.values[0])
    assert not bool(batch.values[~batch.mask].any())


def test_memory_forgets_the_oldest(samples: list[Item]) -> None:
    memory = TokenMemory(max_bytes=110)
    for key in "abc":
        memory.get(key, lambda: Tokens(torch.ones(1, 3, 4)))
    assert len(memory) == 2
    assert memory.num_bytes == 102
    assert float(memory.get("a", lambda: Tokens(torch.zeros(1, 3, 4))).values.sum()) == 0.0
    with pytest.raises(ValueError, match="max_bytes"):
        TokenMemory(max_bytes=-1)


def test_blind_does_not_depend_on_the_text(encoder: FakeEncoder, samples: list[Item]) -> None:
    link = SystemLink(SentenceClassifier(), links(WIDTH)["jscc"], memory=TokenMemory())
    others = [Item(sample.id, {"text": sample.inputs["text"][::-1]}) for sample in samples]
    assert link.tokens(samples).num_tokens.tolist() == link.tokens(others).num_tokens.tolist()
    assert link.blind(samples) == link.blind(others)


def test_the_receiver_uses_received_tokens_only(encoder: FakeEncoder, samples: list[Item]) -> None:
    link = SystemLink(SentenceClassifier(), links(WIDTH)["jscc"], memory=TokenMemory())
    tokens = link.link(link.tokens(samples), 0.0, DRAWS).payload
    strangers = [Item("other", {"text": "other"}) for _ in samples]
    assert link.system.answer(tokens, strangers) == link(samples, 0.0, DRAWS).payload


@pytest.mark.parametrize("width", [0, 1, 5])
def test_no_token_at_all_gives_a_constant_class(width: int, encoder: FakeEncoder) -> None:
    system = SentenceClassifier()
    mask = torch.zeros(3, width, dtype=torch.bool)
    answers = system.answer(Tokens(torch.full((3, width, WIDTH), float("nan")), mask), [None] * 3)
    assert len(set(answers)) == 1
    assert answers[0] in CLASSES


def test_padding_changes_no_answer(encoder: FakeEncoder) -> None:
    system = SentenceClassifier()
    values = torch.randn(1, 4, WIDTH, generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[True, True, False, False]])
    torch.testing.assert_close(system.logits(Tokens(values, mask)), system.logits(Tokens(values[:, :2])))


def test_principal_components_keep_most_of_the_variance(encoder: FakeEncoder, samples: list[Item]) -> None:
    system = SentenceClassifier(dim=3)
    values = torch.randn(500, WIDTH, generator=torch.Generator().manual_seed(2)) * torch.arange(1.0, WIDTH + 1)
    system.fit(values)
    before = system.encoder_id()
    reduced = system.reduced(values)
    exact = torch.linalg.eigvalsh(torch.cov(values.double().T)).flip(0)[:3]
    torch.testing.assert_close(reduced.double().var(0), exact, rtol=1e-4, atol=1e-4)
    assert system.encode(samples).values.shape[-1] == system.dim == 3
    system.fit(values.flip(1))
    assert system.encoder_id() != before
    with pytest.raises(ValueError, match="dim"):
        SentenceClassifier().fit(values)


@pytest.mark.parametrize("kind", ["budget", "bytes"])
def test_text_is_classified_by_the_same_model(kind: str, encoder: FakeEncoder, samples: list[Item]) -> None:
    air, system = FlatAirInterface(channel="awgn"), SentenceClassifier()
    if kind == "budget":
        inner = SourceLink(air=air, source=HuffmanText(), mcs=[(0.5, 4)], num_channel_uses=400, code="conv")
        link = SourceSystemLink(system, inner, memory=TokenMemory())
    else:
        digital = DigitalLink(air=air, code="conv", num_bits_per_symbol=4, coderate=0.5)
        link = SourceSystemLink(system, digital, source=HuffmanText(), memory=TokenMemory())
    right = system.answer(system.encode(samples), samples)
    reception = link(samples, 30.0, DRAWS)
    assert bool(reception.ok.all())
    assert reception.payload == right == link.clean(samples, 30.0)
    assert link.blind(samples) == system.answer(system.encode([Item("", {"text": ""})] * 4), samples)
    poor = link(samples, -20.0, DRAWS)
    assert not bool(poor.ok.any())
    assert len(poor.payload) == len(samples)
    assert poor.channel_uses.total.tolist() == reception.channel_uses.total.tolist()


class Peeking(TokenSystem):
    """Records what a receiver is shown."""

    dim, modality = 1, "text"

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def encode(self, samples: Any) -> Tokens:
        return Tokens(torch.ones(len(samples), 1, 1))

    def answer(self, tokens: Tokens, samples: Any) -> list[str]:
        self.seen += samples
        return ["yes"] * len(samples)


def test_the_receiver_of_text_is_shown_no_original() -> None:
    digital = DigitalLink(air=FlatAirInterface(channel="awgn"), code="conv", num_bits_per_symbol=2, coderate=0.5)
    system = Peeking()
    link = SourceSystemLink(system, digital, source=HuffmanText(), memory=TokenMemory())
    sample = Item("1", {"text": "secret", "question": "which?", "image": "secret"}, ("secret",))
    link([sample], -20.0, DRAWS)
    (seen,) = system.seen
    assert seen.references == ()
    assert dict(seen.inputs).keys() == {"text", "question"}
    assert seen.inputs["text"] != "secret"


def test_wrong_parts_are_refused(encoder: FakeEncoder) -> None:
    system, air = SentenceClassifier(), FlatAirInterface(channel="awgn")
    digital = DigitalLink(air=air, code="conv", num_bits_per_symbol=2, coderate=0.5)
    with pytest.raises(TypeError, match="system"):
        SystemLink(torch.nn.Identity(), digital)
    with pytest.raises(TypeError, match="link"):
        SystemLink(system, torch.nn.Identity())
    with pytest.raises(TypeError, match="source"):
        SourceSystemLink(system, digital)
    with pytest.raises(TypeError, match="source"):
        SourceSystemLink(system, links(WIDTH)["jscc"], source=HuffmanText())
    with pytest.raises(ValueError, match="no clean reference"):
        SystemLink(system, digital).clean([], 0.0)
    for wrong in ({"classes": ("one",)}, {"dim": WIDTH + 1}, {"hidden": -1}, {"max_num_tokens": 2}, {"encoder": "x"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SentenceClassifier(**wrong)


def test_a_width_that_the_link_cannot_carry_is_refused(encoder: FakeEncoder, samples: list[Item]) -> None:
    link = SystemLink(SentenceClassifier(), links(WIDTH + 2)["jscc"], memory=TokenMemory())
    with pytest.raises(ValueError, match=f"dim = {WIDTH + 2}"):
        link(samples, 0.0, DRAWS)


@pytest.mark.skipif(not available("minilm-l6-v2"), reason="weights of MiniLM are not installed")
def test_real_tokens_of_minilm() -> None:
    system = SentenceClassifier()
    sample = Item("1", {"text": "a moving and funny film"})
    tokens = system.encode([sample, Item("2", {"text": "dull"})])
    assert tokens.values.shape == (2, 7, 384)
    assert tokens.num_tokens.tolist() == [7, 3]
    assert system.width == system.dim == 384
    alone = system.encode([sample]).values
    torch.testing.assert_close(tokens.values[:1], alone, atol=1e-4, rtol=1e-4)
