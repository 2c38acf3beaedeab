"""Dense codec that adapts to the SNR."""

from typing import Any

import torch
from torch import nn

from ..validation import check_choice
from .base import seeded
from .dense import DenseCodec
from .snr import ADAPTATIONS


class AdaptiveCodec(DenseCodec):
    """A :class:`DenseCodec` whose hidden layers are adapted to the long-term SNR, at both ends.

    Args:
        adaptation: "attention" (:class:`~tokencom.linklevel.jscc.snr.AttentionFeature`) or "film"
            (:class:`~tokencom.linklevel.jscc.snr.FiLM`).
        seed: of the initial parameters.
        options: as :class:`DenseCodec` takes them.

    Example:
        >>> codec = AdaptiveCodec(dim=32, adaptation="film")
        >>> tokens, mask = torch.zeros(2, 5, 32), torch.ones(2, 5, dtype=torch.bool)
        >>> codec.encode(tokens, mask, torch.tensor([0.0, 10.0])).symbols.shape
        torch.Size([2, 5, 8])
    """

    def __init__(self, *, adaptation: str = "attention", seed: int = 0, **options: Any) -> None:
        super().__init__(seed=seed, **options)
        kind = ADAPTATIONS[check_choice("adaptation", adaptation, ADAPTATIONS)]
        with seeded(seed + 1):
            self.adapters = nn.ModuleDict({place: kind(width) for place, width in self.widths.items()})

    def _adapted(self, place: str, x: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
        return self.adapters[place](x, mask, snr_db)
