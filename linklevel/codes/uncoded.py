"""No code: bits are sent as they are and decided one by one."""

from typing import Any

import torch

from .base import Code


class Uncoded(Code):
    """The code of rate 1; a longer ``n`` repeats bits.

    Example:
        >>> Uncoded(k=2, n=2).decode(torch.tensor([[3.0, -1.0]]))
        tensor([[1., 0.]])
    """

    name = "uncoded"

    @classmethod
    def check(cls, k: int, n: int) -> None:
        """Raise a `ValueError` unless ``n == k``."""
        if n != k:
            raise ValueError(f"n: {n} coded bits for k = {k}; an uncoded block has n = k")

    @classmethod
    def fit(cls, k: int, n: int, **_options: Any) -> tuple[int, int]:
        """Return (k, k): what is left of ``n`` repeats bits."""
        return k, k

    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Return the bits, [batch, k]."""
        return bits

    def decode(self, llr: torch.Tensor) -> torch.Tensor:
        """Decide each bit by the sign of its LLR, [batch, k]."""
        return (llr > 0).to(torch.float32)
