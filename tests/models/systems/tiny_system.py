"""The smallest system that can be trained: words by their checksum, one vector each; a linear head."""

import zlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from tokencom.linklevel.tokens import Tokens
from tokencom.models.systems import TrainableSystem

CLASSES = ("negative", "positive")


class TinySystem(TrainableSystem):
    """Classes of sentences; several sentences of a cluster share the tokens of the first one."""

    modality = "text"

    def __init__(self, *, dim: int = 4, num_words: int = 32, max_num_tokens: int = 6, seed: int = 0) -> None:
        super().__init__()
        self.dim, self.num_words, self.max_num_tokens = dim, num_words, max_num_tokens
        generator = torch.Generator().manual_seed(seed)
        self.vectors = nn.Parameter(torch.randn(num_words, dim, generator=generator))
        self.head = nn.Linear(dim, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.randn(2, dim, generator=generator))
            self.head.bias.zero_()
        self.num_encoded = 0

    def configuration(self) -> dict[str, Any]:
        return {"type": "tiny", "dim": self.dim, "num_words": self.num_words}

    def words(self, samples: Sequence[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        rows = [[zlib.crc32(w.encode()) % self.num_words for w in s.inputs["text"].split()] for s in samples]
        rows = [row[: self.max_num_tokens] for row in rows]
        width = max(map(len, rows))
        words = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        return words, torch.arange(width) < torch.tensor([[len(row)] for row in rows])

    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        clusters = list(dict.fromkeys(sample.cluster for sample in samples))
        first = [next(s for s in samples if s.cluster == cluster) for cluster in clusters]
        words, mask = self.words(first)
        return {
            "words": words,
            "mask": mask,
            "item": torch.tensor([clusters.index(sample.cluster) for sample in samples]),
            "label": torch.tensor([CLASSES.index(sample.references[0]) for sample in samples]),
        }

    def tokens(self, batch: dict[str, torch.Tensor]) -> Tokens:
        self.num_encoded += 1
        return Tokens(self.vectors[batch["words"]] * batch["mask"][..., None], batch["mask"])

    def logits(self, tokens: Tokens) -> torch.Tensor:
        mean = (tokens.values * tokens.mask[..., None]).sum(1) / tokens.num_tokens.clamp_min(1)[:, None]
        return self.head(mean)

    def loss(self, tokens: Tokens, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return nn.functional.cross_entropy(self.logits(tokens)[batch["item"]], batch["label"])

    def auxiliary(self, batch: dict[str, torch.Tensor], wanted: Any) -> dict[str, torch.Tensor]:
        return {"size": self.vectors.square().mean()} if "size" in wanted else {}

    def encode(self, samples: Sequence[Any]) -> Tokens:
        words, mask = self.words(samples)
        with torch.no_grad():
            return Tokens(self.vectors[words] * mask[..., None], mask)

    def answer(self, tokens: Tokens, samples: Sequence[Any]) -> list[str]:
        with torch.no_grad():
            return [CLASSES[index] for index in self.logits(tokens).argmax(1).tolist()]
