"""The polar code of 5G NR."""

import contextlib
import io
from typing import Any, ClassVar

import torch

from ..validation import check_range
from .backends import block
from .base import Code
from .segmentation import Segmentation, equal_segments


class Polar5G(Code):
    """Polar code of TS 38.212 clause 5.3.1 as for uplink control, with its rate matching.

    It has a CRC of its own (6 bits up to k = 19, else 11), which list decoding uses; these bits are
    part of the code, so they take from ``n``. The 3 parity-check bits of k = 12 to 19 are left out, as
    Sionna does.

    Range: 12 to 1013 information bits, ``max(18, k + CRC) <= n <= 1088``.

    Args:
        k: information bits.
        n: coded bits.
        backend: whose blocks run.
        device: Sionna's.
        list_size: paths of the successive cancellation list decoder, a power of two.

    Example:
        >>> Polar5G(k=20, n=64).encode(torch.zeros(2, 20)).shape
        torch.Size([2, 64])
    """

    name = "polar5g"
    decoder = "Polar5GDecoder"
    max_k: ClassVar[int] = 1013
    max_n: ClassVar[int] = 1088
    bits_per_call: int = 2**20

    def __init__(
        self,
        *,
        k: int,
        n: int,
        backend: str = "fast",
        device: str | None = None,
        list_size: int = 8,
    ) -> None:
        super().__init__(k=k, n=n, backend=backend, device=device)
        check_range("list_size", list_size, 1, 32, integer=True)
        if list_size & (list_size - 1):
            raise ValueError(f"list_size: {list_size} is no power of two")
        # Sionna prints a remark on the missing parity-check bits of short blocks; it is stated above.
        with contextlib.redirect_stdout(io.StringIO()):
            self._encoder = block(backend, "Polar5GEncoder")(self.k, self.n, precision="single", device=device)
        self._decoder = block(backend, "Polar5GDecoder")(
            self._encoder, dec_type="SCL", list_size=list_size, precision="single", device=device
        )

    @classmethod
    def check(cls, k: int, n: int) -> None:
        """Raise a `ValueError` outside the range in the class description."""
        if not 12 <= k <= cls.max_k:
            raise ValueError(f"k: {k} is outside the range of polar5g, [12, {cls.max_k}]")
        if not cls.min_n(k) <= n <= cls.max_n:
            raise ValueError(
                f"n: {n} coded bits for k = {k} is outside the range of polar5g, [{cls.min_n(k)}, {cls.max_n}]"
            )

    @classmethod
    def fit(cls, k: int, n: int, **_options: Any) -> tuple[int, int]:
        """Fill up to 12 bits, repeat beyond 1088 coded bits."""
        return max(k, 12), min(n, cls.max_n)

    @classmethod
    def min_n(cls, k: int, **_options: Any) -> int:
        """Return the length at which the code with its own CRC has rate 1."""
        k = max(k, 12)
        return k + (6 if k <= 19 else 11)

    @classmethod
    def segment(cls, num_bits: int, n: int, unit: int = 1) -> Segmentation:
        """Split as TS 38.212 clauses 5.2.1 and 6.3.1.2.1 do, into more than two blocks if needed.

        A block is split when it has more than 1013 bits, or at least 360 bits and 1088 coded bits.
        Blocks get no CRC24B: each has the code's own CRC.
        """
        count = -(-num_bits // cls.max_k)
        while num_bits >= 360 * count and n >= cls.max_n * count:
            count += 1
        each = -(-num_bits // count)
        return equal_segments(num_bits, n, each, unit, crc=False)

    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Encode [batch, k] to [batch, n]."""
        return self._encoder(bits)

    def decode(self, llr: torch.Tensor) -> torch.Tensor:
        """Decode [batch, n] to [batch, k] by CRC-aided successive cancellation list decoding."""
        return self._decoder(llr)
