"""Rows of vectors in which several texts share what is before them, and who sees whom there.

```
shared: what was received, with marks      text 1           text 2         padding
< v v v v >                                q q q a a        q q a          . .
0 0 0 0 0 0                                1 1 1 1 1        2 2 2         -1 -1      segment
```
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

PADDING, SHARED = -1, 0
"""Segments of what is no token, and of what all texts of a row see."""


@dataclass(frozen=True)
class Packed:
    """Vectors of discrete and continuous tokens in rows; padding may be anywhere.

    Args:
        vectors: [items, length, width].
        segment: [items, length], torch.int64; -1 for padding, 0 for what is shared, from 1 on the number of the text.
    """

    vectors: torch.Tensor
    segment: torch.Tensor


def joined(parts: Sequence[Packed]) -> Packed:
    """Return rows one behind the other."""
    return Packed(torch.cat([part.vectors for part in parts], 1), torch.cat([part.segment for part in parts], 1))


def seen_mask(segment: torch.Tensor) -> torch.Tensor:
    """Return who sees whom: what is before in the same text, or shared; and itself, so that padding is defined.

    Args:
        segment: [items, length], torch.int64.

    Returns:
        [items, 1, length, length], torch.bool.

    Example:
        >>> seen_mask(torch.tensor([[0, 1, 2, -1]]))[0, 0].int().tolist()
        [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]
    """
    asks, told = segment[:, :, None], segment[:, None, :]
    same = ((told == SHARED) | (told == asks)) & (told != PADDING) & (asks != PADDING)
    itself = torch.eye(segment.shape[1], dtype=torch.bool, device=segment.device)
    return (same.tril() | itself)[:, None]


def positions(mask: torch.Tensor) -> torch.Tensor:
    """Return the position of each token, [items, length]: how many it sees besides itself.

    Args:
        mask: of :func:`seen_mask`.
    """
    return mask[:, 0].sum(-1) - 1


def last_of(segment: torch.Tensor) -> torch.Tensor:
    """Return the place of each row's last token, [items], torch.int64.

    Raises:
        ValueError: for a row without tokens.
    """
    there = segment != PADDING
    if not bool(there.any(1).all()):
        raise ValueError("segment: a row has no token; at least one is needed to go on from")
    places = torch.arange(segment.shape[1], device=segment.device)
    return torch.where(there, places, -1).amax(1)
