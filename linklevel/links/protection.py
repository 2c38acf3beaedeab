"""Unequal error protection by the importance of tokens."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..validation import check_choice, check_range

Importance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Protection:
    """Unequal error protection: a share of an item's tokens goes in a block of its own.

    Args:
        share: share of the tokens that count as important, rounded to a whole number of tokens.
        coderate: payload bits per coded bit of their block.
        num_bits_per_symbol: coded bits per symbol of their block; the link's if `None`.
        importance: "norm" (longest vectors), "position" (the first tokens), or a function of values
            [batch, num_tokens, dim] and mask [batch, num_tokens] that returns scores [batch, num_tokens]. All but
            "position" cost a bit of side information for each of ``max_num_tokens``.
    """

    share: float
    coderate: float
    num_bits_per_symbol: int | None = None
    importance: str | Importance = "norm"

    def __post_init__(self) -> None:
        check_range("share", self.share, 0.0, 1.0)
        if isinstance(self.importance, str):
            check_choice("importance", self.importance, ("norm", "position"))
        elif not callable(self.importance):
            raise TypeError(f"importance: {type(self.importance).__name__} given; a name or a function is needed")

    def important(self, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return which tokens are important, [batch, num_tokens], torch.bool."""
        if self.importance == "position":
            score = -torch.arange(mask.shape[1], device=mask.device).expand(mask.shape).to(torch.float32)
        elif callable(self.importance):
            score = self.importance(values.detach(), mask)
        else:
            score = values.detach().norm(dim=-1)
        score = torch.where(mask, score, torch.full_like(score, -torch.inf))
        rank = score.sort(dim=1, descending=True, stable=True).indices.argsort(dim=1)
        return mask & (rank < (self.share * mask.sum(1, keepdim=True) + 0.5).floor())
