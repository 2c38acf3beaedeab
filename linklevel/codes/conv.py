"""Terminated convolutional codes."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from .backends import block
from .base import LLR_MAX, Code
from .rate_matching import RateMatcher, conv_order


def generator_polynomials(generators: Sequence[int | str]) -> tuple[str, ...]:
    """Convert octal generators to Sionna's strings of 0 and 1 of equal length.

    Raises:
        ValueError: for fewer than two generators, one that is not octal, or none with memory.

    Example:
        >>> generator_polynomials([133, 171])
        ('1011011', '1111001')
    """
    if len(generators) < 2:
        raise ValueError(f"generators: {list(generators)!r} given; at least two are needed")
    try:
        values = [int(str(generator), 8) for generator in generators]
    except ValueError:
        raise ValueError(f"generators: {list(generators)!r} are not all octal numbers such as 133, 171") from None
    length = max(values).bit_length()
    if not 3 <= length <= 9 or min(values) < 1:
        raise ValueError(f"generators: {list(generators)!r} have constraint length {length}; 3 to 9 is allowed")
    return tuple(format(value, f"0{length}b") for value in values)


class Conv(Code):
    """Feed-forward convolutional code of rate 1/len(generators), driven to state zero at the end.

    The circular buffer of TS 36.212 clause 5.1.4.2 gives any ``n``: puncturing takes the last
    generator's bits first, evenly spread; beyond the mother code bits are repeated.

    Range: 1 to 6144 information bits (what float32 path metrics carry without loss), and at least
    one generator's whole output, ``n >= k + constraint length - 1``.

    Args:
        k: information bits.
        n: coded bits.
        backend: whose blocks run.
        device: Sionna's.
        generators: octal numbers; the most significant bit is the newest input.

    Example:
        >>> Conv(k=10, n=32).encode(torch.zeros(1, 10)).shape
        torch.Size([1, 32])
    """

    name = "conv"
    decoder = "ViterbiDecoder"
    max_k: ClassVar[int] = 6144

    def __init__(
        self,
        *,
        k: int,
        n: int,
        backend: str = "fast",
        device: str | None = None,
        generators: Sequence[int | str] = (133, 171),
    ) -> None:
        super().__init__(k=k, n=n, backend=backend, device=device)
        least = self.min_n(self.k, generators=generators)
        if self.n < least:
            raise ValueError(f"n: {n} coded bits for k = {k}; at least {least} are needed")
        polynomials = generator_polynomials(generators)
        self._encoder = block(backend, "ConvEncoder")(
            gen_poly=polynomials, terminate=True, precision="single", device=device
        )
        self._decoder = block(backend, "ViterbiDecoder")(
            encoder=self._encoder, method="soft_llr", precision="single", device=device
        )
        steps, streams = self.k + len(polynomials[0]) - 1, len(polynomials)
        self._matcher = RateMatcher(conv_order(steps, streams), size=streams * steps, n=self.n, device=device)

    @classmethod
    def check(cls, k: int, n: int) -> None:
        """Raise a `ValueError` for more than 6144 information bits."""
        if k > cls.max_k:
            raise ValueError(f"k: {k} is outside the range of conv, [1, {cls.max_k}]")

    @classmethod
    def min_n(cls, k: int, **options: Any) -> int:
        """Return the length of one generator's output: with it each input follows from the last."""
        return k + len(generator_polynomials(options.get("generators", (133, 171)))[0]) - 1

    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Encode [batch, k] to [batch, n]."""
        return self._matcher.match(self._encoder(bits))

    def decode(self, llr: torch.Tensor) -> torch.Tensor:
        """Decode [batch, n] to [batch, k] by the Viterbi algorithm."""
        return self._decoder(self._matcher.recover(llr).clamp(-LLR_MAX, LLR_MAX))
