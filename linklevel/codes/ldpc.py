"""Gallager's regular LDPC codes, the reference that every LDPC text starts with."""

from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.sparse import csr_matrix

from ..validation import check_range
from .backends import block, ldpc_options, optional
from .base import LLR_MAX, Code
from .erasures import peels
from .rate_matching import RateMatcher

NOISELESS_ITERATIONS = 10


@lru_cache(maxsize=16)
def regular_code(k: int, d_v: int, d_c: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return parity-check matrix [m, n] and systematic generator [n, k'] with ``k' >= k``.

    The smallest length whose code has at least ``k`` information bits. Of the
    ``m = n d_v / d_c`` checks at least ``d_v - 1`` depend on the others, since each of the ``d_v``
    groups of checks adds up to the all-one row.
    """
    num_checks = max(1, -(-(k - d_v + 1) // (d_c - d_v)))
    make = optional("pyldpc", "pyldpc").make_ldpc
    pcm, generator = make(num_checks * d_c, d_v, d_c, systematic=True, sparse=True, seed=seed)
    return np.asarray(pcm, dtype=np.int64), np.asarray(generator, dtype=np.int64)


def _order(k: int, generator: np.ndarray, seed: int) -> np.ndarray:
    """Return the order in which code positions are sent: all but the fillers, scattered."""
    n, size = generator.shape
    positions = np.setdiff1d(np.arange(n), np.arange(k, size))
    return np.random.default_rng(seed).permutation(positions)


@lru_cache(maxsize=256)
def _min_n(k: int, d_v: int, d_c: int, seed: int) -> int:
    """Return the shortest punctured length that still resolves without noise, by bisection."""
    pcm, generator = regular_code(k, d_v, d_c, seed)
    order, size, sparse = _order(k, generator, seed), generator.shape[1], csr_matrix(pcm)
    low, high = k - 1, len(order)
    while high - low > 1:
        middle = (low + high) // 2
        known = np.zeros(pcm.shape[1], dtype=bool)
        known[k:size] = True
        known[order[:middle]] = True
        fits = peels(sparse, known, NOISELESS_ITERATIONS)
        low, high = (low, middle) if fits else (middle, high)
    return high


class LDPC(Code):
    """Regular LDPC code by Gallager's construction (pyldpc's), of rate about ``1 - d_v / d_c``.

    Information bits that the construction has beyond ``k`` are fillers: known and not sent. Bits are
    punctured or repeated in a scattered order.

    Range: 1 to 1024 information bits; the least ``n`` is where scattered puncturing stops to be
    resolved without noise.

    Args:
        k: information bits.
        n: coded bits.
        backend: whose decoder runs; the construction always needs pyldpc.
        device: Sionna's.
        d_v: checks per bit, at least 2.
        d_c: bits per check, more than ``d_v``.
        seed: seed of the construction.
        num_iter: iterations of belief propagation.
        cn_update: check node rule: "boxplus-phi", "boxplus", "minsum", "offset-minsum"; `None` for the
            backend's own (:func:`~.backends.ldpc_options`), as for the next two.
        scale: factor on the check node messages of "minsum".
        cn_schedule: "flooding" or "layered".

    Raises:
        ValueError: also if pyldpc is not installed.
    """

    name = "ldpc"
    decoder = "LDPCBPDecoder"
    max_k: ClassVar[int] = 1024

    def __init__(
        self,
        *,
        k: int,
        n: int,
        backend: str = "fast",
        device: str | None = None,
        d_v: int = 3,
        d_c: int = 6,
        seed: int = 0,
        num_iter: int = 20,
        cn_update: str | None = None,
        scale: float | None = None,
        cn_schedule: str | None = None,
    ) -> None:
        super().__init__(k=k, n=n, backend=backend, device=device)
        least = self.min_n(self.k, d_v=d_v, d_c=d_c, seed=seed)
        pcm, generator = regular_code(self.k, d_v, d_c, seed)
        order = _order(self.k, generator, seed)
        if not least <= self.n <= len(order):
            raise ValueError(
                f"n: {n} coded bits for k = {k} is outside the range of ldpc with d_v = {d_v},"
                f" d_c = {d_c}: [{least}, {len(order)}]"
            )
        self._generator = torch.as_tensor(generator[:, : self.k].T, dtype=torch.float32, device=device)
        self._decoder = block(backend, "LDPCBPDecoder")(
            pcm, num_iter=num_iter, precision="single", device=device,
            **ldpc_options(backend, cn_update, scale, cn_schedule),
        )  # fmt: skip
        self._matcher = RateMatcher(
            order, size=pcm.shape[1], n=self.n, known=np.arange(self.k, generator.shape[1]),
            known_llr=LLR_MAX, device=device,
        )  # fmt: skip

    @classmethod
    def check(cls, k: int, n: int) -> None:
        """Raise a `ValueError` for more than 1024 information bits."""
        if k > cls.max_k:
            raise ValueError(f"k: {k} is outside the range of ldpc, [1, {cls.max_k}]")

    @classmethod
    def fit(cls, k: int, n: int, **options: Any) -> tuple[int, int]:
        """Repeat beyond the mother code's length."""
        d_v, d_c, seed = cls._construction(**options)
        generator = regular_code(k, d_v, d_c, seed)[1]
        return k, min(n, generator.shape[0] - (generator.shape[1] - k))

    @classmethod
    def min_n(cls, k: int, **options: Any) -> int:
        """Return the shortest punctured length that belief propagation resolves without noise."""
        return _min_n(k, *cls._construction(**options))

    @staticmethod
    def _construction(d_v: int = 3, d_c: int = 6, seed: int = 0, **_: Any) -> tuple[int, int, int]:
        check_range("d_v", d_v, 2, integer=True)
        check_range("d_c", d_c, d_v + 1, integer=True)
        return d_v, d_c, seed

    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Encode [batch, k] to [batch, n] by the generator matrix."""
        return self._matcher.match(torch.remainder(bits @ self._generator, 2.0))

    def decode(self, llr: torch.Tensor) -> torch.Tensor:
        """Decode [batch, n] to [batch, k] by belief propagation."""
        coded = self._matcher.recover(llr).clamp(-LLR_MAX, LLR_MAX)
        return self._decoder(coded)[:, : self.k]
