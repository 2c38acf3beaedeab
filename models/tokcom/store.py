"""Keeps what was made of clips while it stays the same."""

from collections.abc import Callable, Hashable

import torch

MAX_BYTES = 1 << 28
"""What is kept; what does not fit is made anew each time."""


class Store:
    """Tensors by key, up to a number of bytes, as long as a state stays the same.

    Args:
        max_bytes: of all tensors together.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes, self._left = max_bytes, max_bytes
        self._state: Hashable = None
        self._kept: dict[Hashable, torch.Tensor] = {}

    def get(self, state: Hashable, key: Hashable, make: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Return what ``make`` returns, or returned for the same state and key.

        Args:
            state: of what makes it; everything is forgotten when it changes.
            key: of the content.
            make: is called if it is not kept.
        """
        if state != self._state:
            self._state, self._left = state, self.max_bytes
            self._kept.clear()
        if key in self._kept:
            return self._kept[key]
        found = make()
        self._left -= found.numel() * found.element_size()
        if self._left >= 0:
            self._kept[key] = found
        return found

    def __deepcopy__(self, memo: object) -> "Store":
        """Return an empty one."""
        return Store(self.max_bytes)

    def __getstate__(self) -> dict[str, object]:
        """Leave out what is kept."""
        return {"max_bytes": self.max_bytes, "_left": self.max_bytes, "_state": None, "_kept": {}}
