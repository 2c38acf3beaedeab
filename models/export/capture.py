"""The tokens that a model emits at a cut."""

from contextlib import suppress
from typing import Any

import torch
from torch import nn

from ...linklevel.draws import Draws
from ...linklevel.links.base import Reception
from ...linklevel.tokens import Tokens
from ..bridge.cut import Cut
from ..bridge.session import bridged


class _TakenError(Exception):
    """Ends a forward pass whose rest is not needed."""


class _Taker(nn.Module):
    """Keeps what it is given and goes no further."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: Tokens | None = None

    def forward(self, tokens: Tokens, snr_db: torch.Tensor, draws: Draws) -> Reception:
        self.tokens = tokens
        raise _TakenError


@torch.no_grad()
def tokens_at(model: nn.Module, cut: Cut | str, inputs: dict[str, Any]) -> Tokens:
    """Run a model up to a cut and return what would cross the link.

    Args:
        model: any PyTorch model.
        cut: a :class:`~tokencom.models.bridge.Cut` or module path.
        inputs: keyword arguments of the model's ``forward``, for a batch.

    Returns:
        Tokens of each item without gaps, [batch, num_tokens, dim] and their mask; float32, or float64
        for a model in double precision.

    Raises:
        ValueError: if the module does not run.
    """
    taker = _Taker()
    with bridged(model, {cut: taker}, draws=Draws(seed=0), snr_db=0.0), suppress(_TakenError):
        model(**inputs)
    if taker.tokens is None:
        raise ValueError(f"cut: {cut!r} does not run with the inputs {', '.join(inputs)}")
    return taker.tokens
