"""Shift and scale of tokens, and the table of embeddings that words cross as."""

import torch
from torch import nn

from ...linklevel.jscc.base import seeded

SLOWEST = 0.02
"""Least weight of a batch in the running statistics."""


class Standard(nn.Module):
    """Brings tokens to zero mean and unit deviation, by one shift and one scale (arXiv 2412.08635).

    Diffusion, and a link that carries tokens of several modalities, need that. The two numbers are taken from means of
    tokens; while a tokenizer is trained they follow it, with weight 1/n for batch n and at least :data:`SLOWEST`.
    """

    mean: torch.Tensor
    square: torch.Tensor
    count: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("square", torch.ones(()))
        self.register_buffer("count", torch.zeros(()))

    @property
    def deviation(self) -> torch.Tensor:
        """The scale, [], torch.float32."""
        return (self.square - self.mean.square()).clamp_min(1e-12).sqrt()

    @torch.no_grad()
    def fit(self, values: torch.Tensor) -> None:
        """Take the statistics of tokens [..., dim], and of no others."""
        self.count.zero_()
        self.follow(values)

    @torch.no_grad()
    def follow(self, values: torch.Tensor) -> None:
        """Take the statistics of tokens [..., dim] into account."""
        self.count.add_(1)
        weight = (1 / self.count).clamp_min(SLOWEST)
        self.mean.lerp_(values.float().mean(), weight)
        self.square.lerp_(values.float().square().mean(), weight)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return tokens with unit deviation."""
        return (values - self.mean) / self.deviation

    def restored(self, values: torch.Tensor) -> torch.Tensor:
        """Undo :meth:`forward`."""
        return values * self.deviation + self.mean


class WordTable(nn.Module):
    """Embeddings of words on the link; each has zero mean and unit deviation.

    Args:
        vocab_size: words.
        dim: width.
        seed: of the initial parameters.
    """

    def __init__(self, vocab_size: int, dim: int, *, seed: int) -> None:
        super().__init__()
        with seeded(seed):
            self.table = nn.Embedding(vocab_size, dim)

    @property
    def entries(self) -> torch.Tensor:
        """All embeddings, [vocab_size, dim]."""
        return nn.functional.layer_norm(self.table.weight, self.table.weight.shape[1:])

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of ids, [..., dim]."""
        return nn.functional.layer_norm(self.table(ids), self.table.weight.shape[1:])

    def nearest(self, values: torch.Tensor) -> torch.Tensor:
        """Return the nearest entry to each vector [..., dim]; its gradient is the vector's (straight through)."""
        entries = self.entries.detach()
        # All entries have the same length, so the nearest has the largest product.
        found = entries[(values.detach().to(entries.dtype) @ entries.T).argmax(-1)]
        return values + (found - values).detach()
