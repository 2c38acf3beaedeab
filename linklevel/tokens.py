"""Tokens as a payload: vectors, and which of them exist."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class Tokens:
    """A batch of token vectors.

    A token link sends the tokens where ``mask`` is true, and nothing else: padding is neither sent
    nor powered. At the receiver, ``values`` are zero where ``mask`` is false.

    Args:
        values: [batch, num_tokens, dim], real.
        mask: [batch, num_tokens], torch.bool, on the same device; all true if `None`.

    Raises:
        TypeError: if ``values`` is no floating-point tensor, or ``mask`` no boolean one.
        ValueError: if the shapes or devices do not fit.

    Example:
        >>> tokens = Tokens(torch.ones(2, 3, 4), torch.tensor([[True, True, False], [True, False, False]]))
        >>> len(tokens), tokens.num_tokens.tolist()
        (2, [2, 1])
    """

    values: torch.Tensor
    mask: torch.Tensor = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        values, mask = self.values, self.mask
        if not isinstance(values, torch.Tensor) or not values.is_floating_point():
            given = values.dtype if isinstance(values, torch.Tensor) else type(values).__name__
            raise TypeError(f"values: {given} given, a floating-point torch.Tensor is needed")
        if values.ndim != 3:
            raise ValueError(f"values: shape {list(values.shape)} given, [batch, num_tokens, dim] is needed")
        if mask is None:
            every = torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)
            object.__setattr__(self, "mask", every)
            return
        if not isinstance(mask, torch.Tensor) or mask.dtype != torch.bool:
            given = mask.dtype if isinstance(mask, torch.Tensor) else type(mask).__name__
            raise TypeError(f"mask: {given} given, a tensor of torch.bool is needed")
        if mask.shape != values.shape[:2]:
            raise ValueError(f"mask: shape {list(mask.shape)} given, {list(values.shape[:2])} is needed")
        if mask.device != values.device:
            raise ValueError(f"mask: on {mask.device}, but values are on {values.device}")

    def __len__(self) -> int:
        """Return the number of items."""
        return self.values.shape[0]

    @property
    def num_tokens(self) -> torch.Tensor:
        """Tokens of each item, [batch], torch.int64."""
        return self.mask.sum(dim=1)


def joined(parts: Sequence[Tokens], dim: int = 1) -> Tokens:
    """Return tokens of several batches as one.

    Args:
        parts: of one width.
        dim: 1, the parts' tokens behind each other in every item; 0, their items behind each other.
    """
    return Tokens(torch.cat([part.values for part in parts], dim), torch.cat([part.mask for part in parts], dim))
