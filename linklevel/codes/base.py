"""The interface of a channel code for one code block."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch

from ..validation import check_range
from .backends import check_backend
from .segmentation import Segmentation, equal_segments

LLR_MAX = 30.0
"""Magnitude to which trellis decoders clip LLRs, and the LLR of a bit that is known.

At :math:`e^{-30}` no decision changes, and float32 path metrics stay exact enough over the longest
block.
"""


class Code(ABC):
    """A binary code of ``k`` information bits in ``n`` coded bits.

    A family declares three things about sizes: its own range (:meth:`check`), the nearest pair
    inside that range which can carry another pair (:meth:`fit`), and the least ``n`` at which ``k``
    bits can still be resolved without noise (:meth:`min_n`).
    :class:`~tokencom.linklevel.codes.TransportBlockCoder` builds any payload from these.

    Args:
        k: information bits of the block.
        n: coded bits of the block.
        backend: whose encoder and decoder run, one of :func:`~.backends.backends_with`.
        device: Sionna's.

    Raises:
        ValueError: if ``k > n``, the pair is outside the family's declared range, or the backend
            does not have this family.
    """

    name: ClassVar[str]
    """Name of the family in scenario files."""

    decoder: ClassVar[str | None] = None
    """The block that a backend must have to run this family; `None` if any will do."""

    max_k: ClassVar[int | None] = None
    """Information bits of the largest code block; longer transport blocks are segmented."""

    bits_per_call: int = 2**22
    """Coded bits that a transport block coder decodes in one call, which bounds the decoder's memory."""

    interleaves_bits: ClassVar[bool] = False
    """Whether the family's standard puts a bit interleaver between rate matching and constellation."""

    def __init__(self, *, k: int, n: int, backend: str = "fast", device: str | None = None) -> None:
        self.k = check_range("k", k, 1, integer=True)
        self.n = check_range("n", n, 1, integer=True)
        if self.k > self.n:
            raise ValueError(f"k: {k} information bits do not fit n = {n} coded bits; k <= n is needed")
        self.check(self.k, self.n)
        self.backend = check_backend(backend, self.decoder, self.name)
        self.device = device

    @classmethod
    @abstractmethod
    def check(cls, k: int, n: int) -> None:
        """Raise a `ValueError` that states the family's range if (k, n) is outside it."""

    @classmethod
    def fit(cls, k: int, n: int, **_options: Any) -> tuple[int, int]:
        """Return the pair inside the family's range that carries ``k`` bits in ``n`` best.

        Fillers raise the first number, repetition lowers the second. Called for
        ``n >= min_n(k)`` only.
        """
        return k, n

    @classmethod
    def min_n(cls, k: int, **_options: Any) -> int:
        """Return the least number of coded bits that still determine ``k`` information bits."""
        return k

    @classmethod
    def segment(cls, num_bits: int, n: int, unit: int = 1) -> Segmentation:
        """Split a transport block (CRC included) of ``num_bits`` for ``n`` coded bits.

        The rule of TS 38.212 clause 5.2.2 with this family's largest block, unless the family has
        one of its own. Each block gets a multiple of ``unit`` coded bits.
        """
        return equal_segments(num_bits, n, cls.max_k, unit)

    @abstractmethod
    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Encode bits [batch, k], torch.float32 of 0 and 1, to [batch, n]."""

    @abstractmethod
    def decode(self, llr: torch.Tensor) -> torch.Tensor:
        """Decode LLRs [batch, n], log p(1)/p(0) as in Sionna, to hard bits [batch, k]."""
