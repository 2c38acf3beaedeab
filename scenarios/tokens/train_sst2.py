"""Makes the weights of ``sst2_minilm.yaml``.

```
python -m tokencom.scenarios.tokens.train_sst2 --data path/to/sst2 --out models/weights
```

* ``sst2_separate``: the classifier is trained on clean tokens, then a dense codec on the squared error of tokens
  with the classifier frozen.
* ``sst2_joint``: the same classifier to start with; codec and classifier together on the classification loss,
  for as many steps, with the same optimiser, fades and SNRs.
* ``sst2_pca16``: 16 principal components, a vector quantiser (k-means) and a classifier on clean tokens, for the
  analog and the quantised link.
"""

import argparse
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from ...linklevel.air import FlatAirInterface
from ...linklevel.draws import Draws
from ...linklevel.links import JSCCLink, QuantizedLink
from ...linklevel.tokens import Tokens
from ...models.systems import SentenceClassifier, SystemLink
from ..datasets.sst2 import SST2
from ..schema.token_links import JSCC, Quantized, configuration

if TYPE_CHECKING:
    from ...models.training import Stage

MAX_NUM_TOKENS = 63
CODEC = {"type": "dense", "symbols_per_token": 8, "encoder_hidden": 64, "decoder_hidden": 64, "layer_norm": False}
QUANTIZER = {"type": "vector", "codebook_size": 256, "num_groups": 2}
AIR = {"type": "flat", "channel": "rayleigh", "fading": "block", "csi": "perfect"}
COMPONENTS = 16
NAMES = ("sst2_separate", "sst2_joint", "sst2_pca16")
LICENCE = (
    "Encoder all-MiniLM-L6-v2: Apache-2.0. Trained on sentence-level SST-2 (Socher et al., EMNLP 2013), which states"
    " no licence; for research, with citation."
)


class TokenTable:
    """Tokens of all sentences, one sentence behind the other.

    Args:
        values: [total, dim], torch.float32.
        counts: tokens of each sentence.
    """

    def __init__(self, values: torch.Tensor, counts: torch.Tensor) -> None:
        self.values, self.counts = values, counts
        self._starts = torch.cumsum(counts, 0) - counts

    def __len__(self) -> int:
        """Return the number of sentences."""
        return len(self.counts)

    def batch(self, items: np.ndarray) -> Tokens:
        """Return the tokens of sentences, padded on the right."""
        rows = torch.from_numpy(items)
        counts = self.counts[rows]
        place = torch.arange(int(counts.max()))
        mask = place < counts[:, None]
        index = (self._starts[rows][:, None] + place).clamp_max(len(self.values) - 1)
        return Tokens(self.values[index] * mask[..., None], mask)

    @classmethod
    def of(cls, system: SentenceClassifier, samples: Sequence[Any], batch_size: int = 32) -> "TokenTable":
        """Encode sentences, those of like length together."""
        parts: list[torch.Tensor] = [torch.empty(0)] * len(samples)
        order = sorted(range(len(samples)), key=lambda number: len(samples[number].inputs["text"]))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            tokens = system.encode([samples[row] for row in rows])
            for row, values, mask in zip(rows, tokens.values, tokens.mask, strict=True):
                parts[row] = values[mask]
        return cls(torch.cat(parts), torch.tensor([len(part) for part in parts]))


class Sentences:
    """What is trained; see :class:`~tokencom.models.training.Trainable`.

    Losses: ``clean``, cross entropy of the classifier on clean tokens; ``task``, on received tokens;
    ``mse``, the mean squared error of received tokens.

    Args:
        model: classifier and link.
        table: tokens at the cut.
        labels: class of each sentence.
    """

    def __init__(self, model: SystemLink, table: TokenTable, labels: torch.Tensor) -> None:
        self.model, self.table, self.labels = model, table, labels
        self.num_items: int | None = len(table)

    def batch(self, items: np.ndarray) -> dict[str, torch.Tensor]:
        """Return tokens, masks and labels."""
        tokens = self.table.batch(items)
        return {"values": tokens.values, "mask": tokens.mask, "labels": self.labels[torch.from_numpy(items)]}

    def losses(
        self, batch: Mapping[str, torch.Tensor], snr_db: torch.Tensor, draws: Draws, wanted: Collection[str]
    ) -> dict[str, torch.Tensor]:
        """Return the wanted losses."""
        tokens, system = Tokens(batch["values"], batch["mask"]), self.model.system
        assert isinstance(system, SentenceClassifier)
        terms: dict[str, torch.Tensor] = {}
        if "clean" in wanted:
            terms["clean"] = functional.cross_entropy(system.logits(tokens), batch["labels"])
        if "task" in wanted or "mse" in wanted:
            arrived = self.model.link(tokens, snr_db, draws).payload
            terms["task"] = functional.cross_entropy(system.logits(arrived), batch["labels"])
            terms["mse"] = (arrived.values - tokens.values)[tokens.mask].square().mean()
        return terms


def stages(name: str, scale: float = 1.0) -> "list[Stage]":
    """Return the stages of a training.

    Args:
        name: one of :data:`NAMES`.
        scale: factor of the number of steps, for trials.
    """
    from ...models.training import Stage

    common = {"batch_size": 32, "learning_rate": 2e-3, "weight_decay": 0.05, "warmup_steps": 20, "snr_db": (-2.0, 20.0)}
    found = [Stage(name="head", trainable=("system.head",), steps=int(400 * scale), losses={"clean": 1.0}, **common)]
    steps = int(800 * scale)
    if name == "sst2_separate":
        found.append(Stage(name="codec", trainable=("link.codec",), steps=steps, losses={"mse": 1.0}, **common))
    if name == "sst2_joint":
        trained = ("link.codec", "system.head")
        found.append(Stage(name="codec", trainable=trained, steps=steps, losses={"task": 1.0}, **common))
    return found


def model_of(name: str, table: TokenTable, seed: int) -> tuple[SystemLink, TokenTable, dict[str, Any]]:
    """Return the model to train, the tokens that cross, and its configuration.

    Args:
        name: one of :data:`NAMES`.
        table: whole tokens of the training data.
        seed: of the initial parameters, and of the tokens that k-means sees.
    """
    air = FlatAirInterface(channel="rayleigh", fading="block", csi="perfect")
    reduced = name == "sst2_pca16"
    system = SentenceClassifier(dim=COMPONENTS if reduced else None, max_num_tokens=MAX_NUM_TOKENS, seed=seed)
    config: JSCC | Quantized
    link: JSCCLink | QuantizedLink
    if reduced:
        system.fit(table.values)
        table = TokenTable(system.reduced(table.values), table.counts)
        config = Quantized(
            quantizer={**QUANTIZER, "seed": seed}, code="ldpc5g", num_bits_per_symbol=4, coderate=0.5,
            max_num_tokens=MAX_NUM_TOKENS,
        )  # fmt: skip
        link = config.build(air=air, dim=system.dim)
        some = np.random.default_rng(seed).choice(len(table.values), min(30_000, len(table.values)), replace=False)
        link.quantizer.fit(table.values[torch.from_numpy(some)])
    else:
        config = JSCC(codec={**CODEC, "seed": seed}, max_num_tokens=MAX_NUM_TOKENS)
        link = config.build(air=air, dim=system.dim)
        codec: Any = link.codec
        codec.fit(table.values)
    parts = {"system": system.configuration(), "link": configuration(config), "air": AIR}
    return SystemLink(system, link), table, parts


def make(name: str, data: SST2, table: TokenTable, out: Path, work: Path, seed: int, command: str) -> Path:
    """Train one model and write its weights and card; return the weights' path."""
    from safetensors.torch import save_file

    from ...models.training import train

    model, table, configuration = model_of(name, table, seed)
    labels = torch.tensor([sample.extra["label"] for sample in data])
    identity = {"type": "sst2", "split": data.split, "sha256": hashlib.sha256(data.file.read_bytes()).hexdigest()}
    trained = train(
        Sentences(model, table, labels), stages(name), seed=seed, system=configuration, data=identity,
        folder=work / name, device="cpu", command=command, licence=LICENCE, tensorboard=False,
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.safetensors"
    state = model.state_dict()
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, str(path))
    path.with_suffix(".json").write_text(json.dumps({"name": name, **trained.card}, indent=1) + "\n", encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is asked for."""
    parser = argparse.ArgumentParser(description="Train the weights of sst2_minilm.yaml (minutes on one core).")
    parser.add_argument("--data", required=True, help="folder of SST-2 (train.tsv or train.txt)")
    parser.add_argument("--out", type=Path, default=Path("weights"), help="folder for weights and cards")
    parser.add_argument("--work", type=Path, default=Path("sst2_training"), help="folder for logs and checkpoints")
    parser.add_argument("--tokens", type=Path, help="safetensors file that keeps the encoded sentences")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=NAMES, nargs="+", default=NAMES)
    args = parser.parse_args(arguments)
    data = SST2(path=args.data, split="train")
    table = _table(data, args.tokens)
    command = f"python -m tokencom.scenarios.tokens.train_sst2 --data {args.data} --seed {args.seed}"
    for name in args.only:
        print(make(name, data, table, args.out, args.work, args.seed, f"{command} --only {name}"), flush=True)


def _table(data: SST2, kept: Path | None) -> TokenTable:
    from safetensors.torch import load_file, save_file

    if kept is not None and kept.exists():
        stored = load_file(str(kept))
        return TokenTable(stored["values"], stored["counts"])
    table = TokenTable.of(SentenceClassifier(max_num_tokens=MAX_NUM_TOKENS), list(data))
    if kept is not None:
        save_file({"values": table.values, "counts": table.counts}, str(kept))
    return table


if __name__ == "__main__":
    main()
