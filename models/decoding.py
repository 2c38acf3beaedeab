"""Greedy decoding of a batch of answers, whatever model makes the scores."""

from collections.abc import Callable, Sequence

import torch

from ..linklevel.validation import check_range


def greedy(
    scores: torch.Tensor, further: Callable[[torch.Tensor], torch.Tensor], *, ends: Sequence[int], limit: int
) -> list[list[int]]:
    """Return the most likely ids one after the other, without an end mark.

    An item that has ended goes on unseen until all have, which changes no other.

    Args:
        scores: [items, vocab_size], of the first id.
        further: is called with the ids [items] that were chosen, and returns the scores of the next ones.
        ends: ids that end an answer.
        limit: most ids of an answer.

    Example:
        >>> scores = torch.tensor([[0.0, 1.0, 0.0]])
        >>> greedy(scores, lambda ids: torch.roll(scores, int(ids[0])), ends=[0], limit=5)
        [[1, 2]]
    """
    check_range("limit", limit, 1, integer=True)
    stops = torch.tensor(list(ends), device=scores.device)
    ended = torch.zeros(len(scores), dtype=torch.bool, device=scores.device)
    found: list[torch.Tensor] = []
    while True:
        new = scores.argmax(-1)
        found.append(new)
        ended |= torch.isin(new, stops)
        if bool(ended.all()) or len(found) == limit:
            break
        scores = further(new)
    rows = torch.stack(found, 1).tolist()
    return [row[: next((n for n, token in enumerate(row) if token in ends), len(row))] for row in rows]
