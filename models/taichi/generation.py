"""Greedy answers of the receiver, from what it received and its own prompt."""

from collections.abc import Sequence

import torch

from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_range
from .language import SplitLanguage


def generated(
    language: SplitLanguage, tokens: Tokens, ids: torch.Tensor, segment: torch.Tensor, *, ends: Sequence[int],
    limit: int,
) -> list[list[int]]:  # fmt: skip
    """Return the ids that each item's prompt is continued by, without an end mark.

    Keys and values of the receiver's layers are kept, so every step costs one token. An item that has ended goes
    on unseen until all have, which changes no other.

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
    check_range("limit", limit, 1, integer=True)
    if not len(ids):
        return []
    if not bool((segment >= 0).any(1).all()):
        raise ValueError("prompt: empty; the receiver needs at least one token to answer from")
    mask = tokens.mask.to(ids.device)
    caches = language.caches(mask, segment)
    hidden = language.receive(tokens.values.to(ids.device), mask, ids, segment, caches)
    last = (segment >= 0).sum(1) - 1
    hidden = hidden[torch.arange(len(ids), device=ids.device), last]
    stops = torch.tensor(list(ends), device=ids.device)
    ended = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    found: list[torch.Tensor] = []
    for number in range(limit):
        new = language.logits(hidden).argmax(-1)
        found.append(new)
        ended |= torch.isin(new, stops)
        if bool(ended.all()) or number == limit - 1:
            break
        hidden = language.further(new, caches)
    rows = torch.stack(found, 1).tolist()
    return [row[: next((n for n, token in enumerate(row) if token in ends), len(row))] for row in rows]
