"""Which token may look at which, when many questions share one picture.

The receiver's own texts (questions with their answers) of an item stand one after the other in one row:

```
sent     v v v v v v      shared     text 0        text 1      padding
                           s s       a a a a       b b b       . .
segment                   -2 -2      0 0 0 0       1 1 1      -1 -1
```

What all texts of an item begin with may stand before them once.
"""

import torch

PADDING = -1
"""Segment of a token that is none."""

SHARED = -2
"""Segment of a token that every text of its item begins with."""


def sent_mask(sent: torch.Tensor, *, full: bool) -> torch.Tensor:
    """Return who sees whom among what is sent, [items, 1, num_sent, num_sent], torch.bool.

    Args:
        sent: [items, num_sent], torch.bool; which tokens there are.
        full: whether tokens see those behind them too.
    """
    size = sent.shape[1]
    order = torch.ones(size, size, dtype=torch.bool, device=sent.device)
    return _with_self(sent[:, None, :] & (order if full else order.tril()))


def own_mask(segment: torch.Tensor) -> torch.Tensor:
    """Return who sees whom in the receiver's own texts: what is before it in the same text, and what is shared.

    Args:
        segment: [items, length], torch.int64; the number of each token's text, -1 for padding, or :data:`SHARED`.

    Returns:
        [items, 1, length, length], torch.bool.
    """
    asks, seen = segment[:, :, None], segment[:, None, :]
    own = ((asks == seen) & (seen >= 0)) | ((asks != PADDING) & (seen == SHARED))
    return _with_self(own.tril())


def block_mask(sent: torch.Tensor, segment: torch.Tensor, *, full: bool) -> torch.Tensor:
    """Return who sees whom at the receiver: every text sees what was sent and itself, and no other text.

    Args:
        sent: [items, num_sent], torch.bool.
        segment: [items, length], torch.int64, of the texts, which follow what was sent.
        full: as for :func:`sent_mask`.

    Returns:
        [items, 1, total, total], torch.bool, with total = num_sent + length.
    """
    count, total = sent.shape[1], sent.shape[1] + segment.shape[1]
    seen = torch.zeros(len(sent), 1, total, total, dtype=torch.bool, device=sent.device)
    seen[:, :, :count, :count] = sent_mask(sent, full=full)
    seen[:, :, count:, :count] = sent[:, None, None, :]
    seen[:, :, count:, count:] = own_mask(segment)
    return seen


def sent_positions(sent: torch.Tensor) -> torch.Tensor:
    """Return the position of each token that is sent, [items, num_sent], torch.int64."""
    return (sent.long().cumsum(1) - 1).clamp_min(0)


def own_positions(sent: torch.Tensor, segment: torch.Tensor) -> torch.Tensor:
    """Return the position of each token of the texts, [items, length]; every text begins behind what was sent."""
    return sent.sum(1, keepdim=True) + own_mask(segment)[:, 0].sum(-1) - 1


def _with_self(seen: torch.Tensor) -> torch.Tensor:
    """Let every token see itself, so that attention of padding is defined; add the axis of heads."""
    return (seen | torch.eye(seen.shape[-1], dtype=torch.bool, device=seen.device))[:, None]
