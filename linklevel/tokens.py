"""Tokens as a payload: vectors, and which of them exist."""

from dataclasses import dataclass

import torch

from .validation import check_shape


@dataclass(frozen=True)
class Tokens:
    """A batch of token vectors.

    A token link sends the tokens where ``mask`` is true, and nothing else: padding is neither sent
    nor powered. At the receiver, ``values`` are zero where ``mask`` is false.

    Args:
        values: [batch, num_tokens, dim], real.
        mask: [batch, num_tokens], torch.bool; all true if `None`.

    Raises:
        ValueError: if the shapes do not fit.
    """

    values: torch.Tensor
    mask: torch.Tensor | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 3:
            raise ValueError(f"values: shape {list(self.values.shape)} given, [batch, num_tokens, dim] is needed")
        if self.mask is None:
            object.__setattr__(self, "mask", torch.ones(self.values.shape[:2], dtype=torch.bool, device=self.values.device))
        elif self.mask.shape != self.values.shape[:2] or self.mask.dtype != torch.bool:
            raise ValueError(
                f"mask: {self.mask.dtype} {list(self.mask.shape)} given, torch.bool {list(self.values.shape[:2])} is needed"
            )

    def __len__(self) -> int:
        """Return the number of items."""
        return self.values.shape[0]

    @property
    def num_tokens(self) -> torch.Tensor:
        """Tokens of each item, [batch], torch.int64."""
        return self.mask.sum(dim=1)
