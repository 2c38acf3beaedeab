"""Greedy answers of the receiver, from what it received and its own prompt."""

from collections.abc import Sequence

import torch

from ...linklevel.tokens import Tokens
from ..decoding import greedy
from .language import SplitLanguage


def generated(
    language: SplitLanguage, tokens: Tokens, ids: torch.Tensor, segment: torch.Tensor, *, ends: Sequence[int],
    limit: int,
) -> list[list[int]]:  # fmt: skip
    """Return the ids that each item's prompt is continued by, without an end mark.

    Keys and values of the receiver's layers are kept, so every step costs one token.

    Args:
        language: the model.
        tokens: what was received.
        ids: [items, length], torch.int64; one prompt for each item, padded on the right.
        segment: same shape, torch.int64; 0, or -1 at padding.
        ends: ids that end an answer.
        limit: most ids.

    Raises:
        ValueError: for an empty prompt.
    """
    if not len(ids):
        return []
    if not bool((segment >= 0).any(1).all()):
        raise ValueError("prompt: empty; the receiver needs at least one token to answer from")
    mask = tokens.mask.to(ids.device)
    caches = language.caches(mask, segment)
    hidden = language.receive(tokens.values.to(ids.device), mask, ids, segment, caches)
    last = (segment >= 0).sum(1) - 1
    hidden = hidden[torch.arange(len(ids), device=ids.device), last]
    return greedy(
        language.logits(hidden), lambda new: language.logits(language.further(new, caches)), ends=ends, limit=limit
    )
