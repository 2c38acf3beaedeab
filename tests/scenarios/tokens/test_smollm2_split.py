"""The scenario of SmolLM2 cut in two, with a random model of the same width in its place."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tokencom.linklevel.draws import Draws
from tokencom.models.pretrained import available
from tokencom.models.systems import split_lm
from tokencom.models.systems.frozen_split import FrozenSplit
from tokencom.scenarios import run
from tokencom.scenarios.cli import main
from tokencom.scenarios.engine import load_items
from tokencom.scenarios.schema import load_scenario, trained

transformers = pytest.importorskip("transformers")

NAME = "tokens/smollm2_split"
SCHEMES = ("dense JSCC", "quantised + LDPC 16-QAM", "UTF-8 + Huffman + LDPC 16-QAM")
FEW = ["task.num_items=4", "stop.batch_size=4", "sweep.snr_db=[18]"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> FrozenSplit:
    """A model of two layers; a token for each word."""
    config = transformers.LlamaConfig(
        vocab_size=997, hidden_size=576, intermediate_size=64, num_hidden_layers=2, num_attention_heads=9,
        num_key_value_heads=3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.LlamaForCausalLM(config).eval()

    def tokenizer(text: str, add_special_tokens: bool = True) -> Any:
        return SimpleNamespace(input_ids=[sum(word.encode()) % 997 for word in text.split()])

    split = FrozenSplit(model, tokenizer, 1)
    monkeypatch.setattr(split_lm, "_loaded", lambda *_: split)
    return split


def test_learned_schemes_come_with_their_weights() -> None:
    scenario = load_scenario(NAME)
    assert tuple(scheme.name for scheme in scenario.schemes) == SCHEMES
    files = {trained.find(trained.key_of(scenario, scheme)) for scheme in scenario.schemes[:2]}
    assert None not in files
    assert len(files) == 2
    assert sum(path.stat().st_size for path in files if path is not None) < 2_000_000


def test_every_scheme_runs_within_the_budget(small: FrozenSplit) -> None:
    scenario = load_scenario(NAME, FEW)
    uses: dict[str, list[int]] = {}
    for name in SCHEMES:
        task, link = scenario.points()[0].scenario.build(name)
        batch = task.batch(0, 4, Draws(seed=1))
        reception = link(batch, 18.0, Draws(seed=1))
        uses[name] = reception.channel_uses.total.tolist()
        assert set(reception.payload) <= {"negative", "positive"}
        for kind in task.references:
            assert set(task.reference(kind, batch, link, 18.0)) <= {"negative", "positive"}
    # Only the tokens of the sentence: 16 symbols each, and the header.
    words = [len(sample.inputs["text"].split()) for sample in batch]
    assert uses["dense JSCC"] == [16 * count + 16 for count in words]
    assert all(0 <= b - a <= 16 for a, b in zip(uses["dense JSCC"], uses["quantised + LDPC 16-QAM"], strict=True))
    assert uses["UTF-8 + Huffman + LDPC 16-QAM"] == [312] * 4


def test_the_longest_sentence_fits_the_budget_of_text(small: FrozenSplit) -> None:
    task, link = load_scenario(NAME, FEW).points()[0].scenario.build(SCHEMES[2])
    texts = [task.data[index].inputs["text"] for index in range(len(task.data))]
    assert link.link.smallest_budget(texts) <= 312


@pytest.mark.verify
def test_every_link_keeps_the_contract(small: FrozenSplit, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", NAME]) == 0
    assert "every link keeps" in capsys.readouterr().out


@pytest.mark.verify
@pytest.mark.skipif(not available("smollm2-135m-instruct"), reason="weights of SmolLM2 are not installed")
def test_with_the_real_model_little_is_lost_at_24_db(tmp_path: Any) -> None:
    scenario = load_scenario(NAME, ["task.num_items=40", "stop.batch_size=20", "sweep.snr_db=[24]"])
    run(scenario, tmp_path / "out", workers=0, progress=False)
    items = {name: load_items(tmp_path / "out", name, 0) for name in SCHEMES}
    # Nothing is random in the clean answers; two may flip where other rounding decides near a tie.
    right = [int(columns["clean_accuracy"].sum()) for columns in items.values()]
    np.testing.assert_allclose(right, [27, 22, 32], atol=2)
    # Text alone is sure to beat guessing: 30 of 40 by chance have a probability of 0.0011.
    assert right[2] >= 30
    # A fade breaks a block that needs 2.4 bits of a symbol (text; 2 of quantised tokens) with a probability of
    # 1 - exp(-(2^2.4 - 1) / 10^2.4) = 0.017, 0.027 with 2 dB for the code's distance from capacity, and at most that
    # changes an answer; 1 of 40 changed with the dense codec. At 0.05 more than 7 have a probability of 0.0007.
    changed = [int((columns["accuracy"] != columns["clean_accuracy"]).sum()) for columns in items.values()]
    assert max(changed) <= 7
