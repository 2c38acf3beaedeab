"""Encoded tokens that are kept, so that a sweep encodes every item once."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

import torch

from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_range

MAX_BYTES = 512 * 2**20
"""What the memory of a process holds at most."""


class TokenMemory:
    """Tokens of single items by key; those not used for longest are forgotten first.

    Args:
        max_bytes: most bytes of tokens and masks held.

    Example:
        >>> memory = TokenMemory(max_bytes=1000)
        >>> tokens = memory.get("a", lambda: Tokens(torch.ones(1, 3, 4)))
        >>> memory.get("a", lambda: Tokens(torch.zeros(1, 3, 4))) is tokens, len(memory), memory.num_bytes
        (True, 1, 51)
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = check_range("max_bytes", max_bytes, 0, integer=True)
        self.num_bytes = 0
        self._kept: OrderedDict[Hashable, Tokens] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of items held."""
        return len(self._kept)

    def get(self, key: Hashable, encode: Callable[[], Tokens]) -> Tokens:
        """Return the tokens of a key; ``encode`` makes them where they are not held."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        tokens = encode()
        size = _size(tokens)
        if size <= self.max_bytes:
            self._kept[key] = tokens
            self.num_bytes += size
        while self.num_bytes > self.max_bytes:
            self.num_bytes -= _size(self._kept.popitem(last=False)[1])
        return tokens


SHARED = TokenMemory()
"""What the schemes that a process works on have in common."""


def _size(tokens: Tokens) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in (tokens.values, tokens.mask))


def joined(items: list[Tokens], dim: int) -> Tokens:
    """Return a batch of single items, padded on the right with zeros.

    Args:
        items: of batch size 1 each.
        dim: width of a token.

    Example:
        >>> joined([Tokens(torch.ones(1, 1, 4)), Tokens(torch.ones(1, 2, 4))], 4).mask.tolist()
        [[True, False], [True, True]]
    """
    width = max((item.mask.shape[1] for item in items), default=0)
    device = items[0].values.device if items else None
    values = torch.zeros(len(items), width, dim, device=device)
    mask = torch.zeros(len(items), width, dtype=torch.bool, device=device)
    for row, item in enumerate(items):
        count = item.mask.shape[1]
        values[row, :count], mask[row, :count] = item.values[0], item.mask[0]
    return Tokens(values, mask)
