"""The Turbo code of LTE."""

from bisect import bisect_left
from typing import Any, ClassVar

import numpy as np
import torch

from ..validation import check_choice
from .backends import block
from .base import LLR_MAX, Code
from .rate_matching import RateMatcher, turbo_order
from .segmentation import CODE_BLOCK_CRC, CODE_BLOCK_CRC_BITS, Segment, Segmentation, split_coded_bits

SIZES = (*range(40, 512, 8), *range(512, 1024, 16), *range(1024, 2048, 32), *range(2048, 6145, 64))
"""The 188 interleaver sizes K of TS 36.212 table 5.1.3-3."""


class TurboLTE(Code):
    r"""Turbo code of TS 36.212 clause 5.1.3.2 with the rate matching of clause 5.1.4.1.

    Two recursive convolutional codes of constraint length 4, feedback 13, parity 15 (octal), a
    quadratic permutation polynomial interleaver and 12 tail bits: :math:`3K + 12` bits at rate 1/3.
    Filler bits bring ``k`` to the next of the 188 sizes K; they are not sent, and the receiver knows
    them. Sub-block interleaver and circular buffer give any ``n``, by puncturing or repetition.

    Range: 1 to 6144 information bits, code rate up to 1. Above 0.93 too few parity bits are left to
    resolve the systematic bits that redundancy version 0 leaves out, even without noise (:meth:`min_n`);
    in LTE, too, a receiver may skip such blocks (TS 36.213 clause 7.1.7).

    Args:
        k: information bits.
        n: coded bits.
        backend: whose blocks run.
        device: Sionna's.
        num_iter: decoder iterations.
        algorithm: "log" (log-MAP), "maxlog", or "map" (probabilities; overflows on large LLRs).
        size: bits K into the encoder; the smallest that holds ``k`` if `None`.

    Example:
        >>> code = TurboLTE(k=38, n=90)
        >>> code.num_filler_bits
        2
    """

    name = "turbo"
    decoder = "TurboDecoder"
    max_k: ClassVar[int] = SIZES[-1]

    def __init__(
        self,
        *,
        k: int,
        n: int,
        backend: str = "fast",
        device: str | None = None,
        num_iter: int = 6,
        algorithm: str = "log",
        size: int | None = None,
    ) -> None:
        super().__init__(k=k, n=n, backend=backend, device=device)
        check_choice("algorithm", algorithm, ["log", "maxlog", "map"])
        self.size = self._size(self.k) if size is None else check_choice("size", size, SIZES)
        self.num_filler_bits = self.size - self.k
        if self.num_filler_bits < 0:
            raise ValueError(f"size: {size} is smaller than k = {k}")
        self._encoder = block(backend, "TurboEncoder")(
            rate=1 / 3, constraint_length=4, terminate=True, precision="single", device=device
        )
        self._decoder = block(backend, "TurboDecoder")(
            self._encoder, num_iter=num_iter, algorithm=algorithm, precision="single", device=device
        )
        fillers = np.arange(self.num_filler_bits)
        # Sionna's codeword, tail included, is d(0), d(1), d(2) interleaved bit by bit: its position
        # 3k + i is the standard's d_k^(i), the tail of clause 5.1.3.2.2 too.
        self._matcher = RateMatcher(
            turbo_order(self.size, self.num_filler_bits), size=3 * self.size + 12, n=self.n,
            known=np.concatenate([3 * fillers, 3 * fillers + 1]), known_llr=LLR_MAX, device=device,
        )  # fmt: skip

    @staticmethod
    def _size(k: int) -> int:
        return SIZES[bisect_left(SIZES, k)]

    @classmethod
    def check(cls, k: int, n: int) -> None:
        """Raise a `ValueError` for more than 6144 information bits."""
        if k > cls.max_k:
            raise ValueError(f"k: {k} is outside the range of turbo, [1, {cls.max_k}]")

    @classmethod
    def min_n(cls, k: int, **_options: Any) -> int:
        """Return the length at code rate 0.93 and two bits, which the shortest blocks need."""
        return -(-100 * k // 93) + 2

    @classmethod
    def segment(cls, num_bits: int, n: int, unit: int = 1) -> Segmentation:
        """Split by TS 36.212 clause 5.1.2: blocks of two neighbouring sizes, fillers in the first."""
        if num_bits <= cls.max_k:
            return Segmentation((Segment(num_bits, num_bits, n),))
        crc = CODE_BLOCK_CRC_BITS
        count = -(-num_bits // (cls.max_k - crc))
        total = num_bits + count * crc
        plus = cls._size(-(-total // count))
        minus = SIZES[SIZES.index(plus) - 1]
        num_minus = (count * plus - total) // (plus - minus)
        sizes = [minus] * num_minus + [plus] * (count - num_minus)
        fillers = [sum(sizes) - total] + [0] * (count - 1)
        segments = tuple(
            Segment(size - filler - crc, size - filler, e, (("size", size),))
            for size, filler, e in zip(sizes, fillers, split_coded_bits(n, count, unit), strict=True)
        )
        return Segmentation(segments, crc=CODE_BLOCK_CRC)

    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Encode [batch, k] to [batch, n]."""
        fillers = bits.new_zeros(bits.shape[0], self.num_filler_bits)
        return self._matcher.match(self._encoder(torch.cat([fillers, bits], dim=1)))

    def decode(self, llr: torch.Tensor) -> torch.Tensor:
        """Decode [batch, n] to [batch, k] by exchanging extrinsic LLRs between two BCJR decoders."""
        coded = self._matcher.recover(llr).clamp(-LLR_MAX, LLR_MAX)
        return self._decoder(coded)[:, self.num_filler_bits :]
