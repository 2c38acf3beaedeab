"""The interface of a channel code for one code block."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch

from ..validation import check_range


class Code(ABC):
    """A binary code of ``k`` information bits in ``n`` coded bits.

    Args:
        k: information bits of the block.
        n: coded bits of the block.

    Raises:
        ValueError: if ``k > n`` or the pair is outside the family's declared range.
    """

    name: ClassVar[str]
    """Name of the family in scenario files."""

    def __init__(self, *, k: int, n: int) -> None:
        self.k = check_range("k", k, 1, integer=True)
        self.n = check_range("n", n, 1, integer=True)
        if self.k > self.n:
            raise ValueError(f"k: {k} information bits do not fit n = {n} coded bits; k <= n is needed")
        self.check(self.k, self.n)

    @classmethod
    @abstractmethod
    def check(cls, k: int, n: int) -> None:
        """Raise a `ValueError` that states the family's range if (k, n) is outside it."""

    @abstractmethod
    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Encode bits [batch, k], torch.float32 of 0 and 1, to [batch, n]."""

    @abstractmethod
    def decode(self, llr: torch.Tensor) -> torch.Tensor:
        """Decode LLRs [batch, n], log p(1)/p(0) as in Sionna, to hard bits [batch, k]."""
