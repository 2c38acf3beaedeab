"""The SST-2 scenario and the program that trains its weights."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tokencom.linklevel.draws import Draws
from tokencom.models.pretrained import available
from tokencom.models.systems import load_shipped, sentence_classifier, shipped_weights
from tokencom.scenarios.datasets.sst2 import SST2
from tokencom.scenarios.schema import ScenarioError, load_scenario
from tokencom.scenarios.tokens import train_sst2 as program

FILE = Path(program.__file__).with_name("sst2_minilm.yaml")
WIDTH = 24
WORDS = ("good", "bad", "film", "plot", "dull", "warm", "the", "a", "very", "not")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    lines = [f"{number % 2} {' '.join(draw.choice(WORDS, 6))}" for number in range(20)]
    for split in ("train", "dev"):
        (tmp_path / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_the_scenario_names_what_is_missing() -> None:
    if not {"sst2_joint", "sst2_separate", "sst2_pca16"} <= shipped_weights().keys():
        pytest.skip("the weights are not there")
    with pytest.raises(ScenarioError, match=r"task\.data\.path"):
        load_scenario(FILE)


@pytest.mark.skipif(not available("minilm-l6-v2"), reason="weights of MiniLM are not installed")
def test_every_scheme_runs_within_the_budget(folder: Path) -> None:
    if not {"sst2_joint", "sst2_separate", "sst2_pca16"} <= shipped_weights().keys():
        pytest.skip("the weights are not there")
    scenario = load_scenario(FILE, [f"task.data.path={folder}", "task.repeats=1", "sweep.snr_db=[18]"])
    assert len(scenario.schemes) == 6
    uses: dict[str, list[int]] = {}
    for scheme in scenario.schemes:
        task, link = scenario.points()[0].scenario.build(scheme.name)
        batch = task.batch(0, 8, Draws(seed=1))
        reception = link(batch, 18.0, Draws(seed=1))
        uses[scheme.name] = reception.channel_uses.total.tolist()
        assert set(reception.payload) <= {"negative", "positive"}
        for kind in task.references:
            assert set(task.reference(kind, batch, link, 18.0)) <= {"negative", "positive"}
    tokens = uses["dense JSCC, joint"]
    assert uses["dense JSCC, separate"] == uses["analog"] == tokens
    assert max(tokens) <= 496
    # The quantiser's block has a CRC, and its symbols come whole.
    assert max(abs(a - b) for a, b in zip(uses["quantised + LDPC 16-QAM"], tokens, strict=True)) <= 16
    assert set(uses["UTF-8 + Huffman + LDPC 16-QAM"] + uses["UTF-8 + Huffman + Turbo 16-QAM"]) == {496}


def test_token_table_gives_back_what_it_was_made_of() -> None:
    values = torch.arange(12.0).reshape(6, 2)
    table = program.TokenTable(values, torch.tensor([1, 3, 2]))
    tokens = table.batch(np.array([2, 0]))
    assert tokens.mask.tolist() == [[True, True], [True, False]]
    assert tokens.values.tolist() == [[[8.0, 9.0], [10.0, 11.0]], [[0.0, 1.0], [0.0, 0.0]]]
    assert len(table) == 3


class FakeEncoder:
    """One token per character, a fixed random vector each."""

    device, weights = "cpu", SimpleNamespace(sha256="fake")

    def __init__(self) -> None:
        table = torch.randn(256, WIDTH, generator=torch.Generator().manual_seed(0))
        self.model = lambda input_ids, attention_mask: SimpleNamespace(last_hidden_state=table[input_ids])
        self.model.config = SimpleNamespace(hidden_size=WIDTH)  # type: ignore[attr-defined]

    def tokenizer(self, texts: list[str], *, max_length: int, **_: Any) -> Any:
        rows = [[ord(c) for c in text][:max_length] for text in texts]
        width = max(len(row) for row in rows)
        found = {
            "input_ids": torch.tensor([row + [0] * (width - len(row)) for row in rows]),
            "attention_mask": torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]),
        }

        class Encoding(dict[str, torch.Tensor]):
            def to(self, device: str) -> "Encoding":
                return self

        return Encoding(found)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", program.NAMES)
def test_training_writes_weights_that_load(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("accelerate", reason="extra 'models' is not installed")
    encoder = FakeEncoder()
    monkeypatch.setattr(sentence_classifier, "_loaded", lambda *_: encoder)
    full = program.stages
    monkeypatch.setattr(program, "stages", lambda of: full(of, 0.06))
    data = SST2(path=str(folder), split="train")
    table = program.TokenTable.of(sentence_classifier.SentenceClassifier(), list(data), batch_size=3)
    path = program.make(name, data, table, tmp_path / "out", tmp_path / "work", 1, "command")
    model, _, parts = program.model_of(name, table, 2)
    for part in ("system", "link"):
        card = load_shipped(getattr(model, part), path, part, parts[part])
    assert card["name"] == name
    assert card["command"] == "command"
    assert card["system"]["air"]["channel"] == "rayleigh"


def test_both_learned_schemes_are_trained_alike() -> None:
    separate, joint = program.stages("sst2_separate"), program.stages("sst2_joint")
    for first, second in zip(separate, joint, strict=True):
        same = {"trainable", "losses"}
        a, b = ({k: v for k, v in stage.as_dict().items() if k not in same} for stage in (first, second))
        assert a == b
    assert separate[0] == joint[0]
