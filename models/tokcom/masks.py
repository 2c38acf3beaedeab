"""Which token may look at which, when several texts of an item share what other devices sent.

```
shared tokens (devices)   text 0: question, answer   text 1: question, answer
v v v v a a a             q q q . o o                q q q q o o
```

A row has the shared tokens and then a block of equal size for each text.
"""

import torch


def row_mask(shared: torch.Tensor, own: torch.Tensor, *, full: bool) -> torch.Tensor:
    """Return who sees whom: every text sees the shared tokens and what is before it in itself.

    Args:
        shared: [items, num_shared], torch.bool; which there are.
        own: [items, num_texts, size], torch.bool; which tokens of the texts there are.
        full: whether shared tokens see those behind them too.

    Returns:
        [items, 1, total, total], torch.bool, with total = num_shared + num_texts * size.
    """
    count, (items, texts, size) = shared.shape[1], own.shape
    total = count + texts * size
    device = shared.device
    seen = torch.zeros(items, total, total, dtype=torch.bool, device=device)
    seen[:, :, :count] = shared[:, None, :]
    if not full:
        seen[:, :count, :count] &= torch.ones(count, count, dtype=torch.bool, device=device).tril()
    block = torch.arange(texts, device=device).repeat_interleave(size)
    same = (block[:, None] == block[None]).tril()
    seen[:, count:, count:] = same & own.flatten(1)[:, None, :]
    # Every token sees itself, so that attention of padding is defined.
    return (seen | torch.eye(total, dtype=torch.bool, device=device))[:, None]


def row_positions(shared: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Return the position of each token of a row, [items, total]; every text begins behind the shared tokens.

    Args:
        shared: [items, num_shared], torch.bool.
        own: [items, num_texts, size], torch.bool.
    """
    behind = shared.sum(1)[:, None, None] + own.long().cumsum(2) - 1
    return torch.cat([shared.long().cumsum(1) - 1, behind.flatten(1)], 1).clamp_min(0)
