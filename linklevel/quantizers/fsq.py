"""Finite scalar quantisation."""

import math
from collections.abc import Sequence

import torch
from torch import nn

from ..jscc.base import seeded
from ..validation import check_range
from .base import Quantizer

EPS = 1e-3
"""Margin by which bounded values may pass the outermost level, so that even two levels are apart from the bound."""


class FSQQuantizer(Quantizer):
    """Projects a token to a few bounded numbers, and rounds each to a few levels.

    F. Mentzer, D. Minnen, E. Agustsson and M. Tschannen, "Finite Scalar Quantization: VQ-VAE Made
    Simple", ICLR 2024. A token has ``num_groups`` independent indices, each of ceil(log2(Π levels)) bits.
    There is no auxiliary loss and no codebook.

    Args:
        dim: width of a token.
        levels: levels of each number of a group, at least 2.
        num_groups: groups per token.
        seed: of the initial projections.

    Example:
        >>> FSQQuantizer(dim=32, levels=(8, 5, 5, 5), num_groups=4).bits_per_token
        40
    """

    counts: torch.Tensor
    basis: torch.Tensor

    def __init__(self, *, dim: int, levels: Sequence[int] = (8, 5, 5, 5), num_groups: int = 8, seed: int = 0) -> None:
        if not levels:
            raise ValueError("levels: empty; at least one number of levels is needed")
        levels = [check_range("levels", level, 2, 256, integer=True) for level in levels]
        self.codebook_size = math.prod(levels)
        super().__init__(dim=dim, num_indices=num_groups, bits_per_index=(self.codebook_size - 1).bit_length())
        self.register_buffer("counts", torch.tensor(levels, dtype=torch.int64))
        basis = [math.prod(levels[i + 1 :]) for i in range(len(levels))]
        self.register_buffer("basis", torch.tensor(basis, dtype=torch.int64))
        with seeded(seed):
            self.down = nn.Linear(dim, num_groups * len(levels))
            self.up = nn.Linear(num_groups * len(levels), dim)

    def _bounded(self, values: torch.Tensor) -> torch.Tensor:
        """Return numbers whose rounding gives the level, [n, num_groups, numbers]; levels are around 0."""
        z = self.down(values).unflatten(-1, (self.num_indices, -1))
        half = (self.counts.to(z.dtype) - 1.0) * (1.0 + EPS) / 2.0
        offset = torch.where(self.counts % 2 == 0, 0.5, 0.0).to(z.dtype)
        shift = (offset / half).atanh()
        return (z + shift).tanh() * half - offset

    def _tokens(self, rounded: torch.Tensor) -> torch.Tensor:
        """Scale levels to about [-1, 1] and project them to tokens [n, dim]."""
        return self.up((rounded / (self.counts // 2)).flatten(-2))

    def indices(self, values: torch.Tensor) -> torch.Tensor:
        """Quantise; see :meth:`Quantizer.indices`."""
        digits = self._bounded(values).round().long() + self.counts // 2
        return (digits * self.basis).sum(-1)

    def values(self, indices: torch.Tensor) -> torch.Tensor:
        """Return tokens; see :meth:`Quantizer.values`. Indices that name no levels count as the last that does."""
        indices = indices.clamp(max=self.codebook_size - 1)
        digits = (indices[..., None] // self.basis) % self.counts
        return self._tokens((digits - self.counts // 2).to(self.up.weight.dtype))

    def straight_through(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return tokens with the gradient of the bounded numbers, and no loss."""
        z = self._bounded(values)
        return self._tokens(z + (z.round() - z).detach()), values.new_zeros(())
