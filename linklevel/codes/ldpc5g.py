"""The LDPC code of 5G NR."""

import warnings
from typing import Any, ClassVar

import torch

from .backends import block, ldpc_options
from .base import Code
from .segmentation import Segmentation, equal_segments

LIFTING_SIZES = sorted(a << j for a in (2, 3, 5, 7, 9, 11, 13, 15) for j in range(8) if a << j <= 384)
"""Lifting sizes Z, TS 38.212 table 5.3.2-1."""


def base_graph(k: int, n: int) -> str:
    """Return Sionna's name of the base graph for ``k`` information bits in ``n``.

    The rule of TS 38.212 clause 7.2.2, applied to the code block. Up to 3840 bits, the second graph
    also serves rates between 1/4 and 1/3, which the first does not reach without repetition.
    """
    if k <= 292 or (k <= 3824 and 100 * k <= 67 * n) or (k <= 3840 and 3 * k < n):
        return "bg2"
    return "bg1"


def lifting_size(k: int, graph: str) -> int:
    """Return the lifting size Z of TS 38.212 clause 5.2.2 for ``k`` information bits."""
    columns = 22 if graph == "bg1" else 10 if k > 640 else 9 if k > 560 else 8 if k > 192 else 6
    return next(z for z in LIFTING_SIZES if columns * z >= k)


class LDPC5G(Code):
    """LDPC code of TS 38.212 clause 5.3.2 with its rate matching (redundancy version 0).

    Range: 12 to 8448 information bits; code rate 1/5 to 0.95 up to 3840 bits, 1/3 to 0.95 above.

    Args:
        k: information bits.
        n: coded bits.
        backend: whose blocks run.
        device: Sionna's.
        num_iter: iterations of belief propagation.
        cn_update: check node rule: "boxplus-phi", "boxplus", "minsum", "offset-minsum"; `None` for the
            backend's own (:func:`~.backends.ldpc_options`), as for the next two.
        scale: factor on the check node messages of "minsum" (0.75 is normalised min-sum).
        cn_schedule: "flooding" or "layered".

    Example:
        >>> code = LDPC5G(k=40, n=80)
        >>> bits = torch.ones(1, 40)
        >>> bool((code.decode(20 * code.encode(bits) - 10) == bits).all())
        True
    """

    name = "ldpc5g"
    decoder = "LDPC5GDecoder"
    max_k: ClassVar[int] = 8448
    interleaves_bits: ClassVar[bool] = True

    def __init__(
        self,
        *,
        k: int,
        n: int,
        backend: str = "fast",
        device: str | None = None,
        num_iter: int = 20,
        cn_update: str | None = None,
        scale: float | None = None,
        cn_schedule: str | None = None,
    ) -> None:
        super().__init__(k=k, n=n, backend=backend, device=device)
        graph = base_graph(self.k, self.n)
        with warnings.catch_warnings():
            # Sionna warns above 948/1024; the range declared here goes on to 0.95 as Sionna's does.
            warnings.filterwarnings("ignore", message="Effective coderate")
            self._encoder = block(backend, "LDPC5GEncoder")(self.k, self.n, bg=graph, precision="single", device=device)
        self._decoder = block(backend, "LDPC5GDecoder")(
            self._encoder, num_iter=num_iter, precision="single", device=device,
            **ldpc_options(backend, cn_update, scale, cn_schedule),
        )  # fmt: skip

    @classmethod
    def check(cls, k: int, n: int) -> None:
        """Raise a `ValueError` outside the range in the class description."""
        if not 12 <= k <= cls.max_k:
            raise ValueError(f"k: {k} is outside the range of ldpc5g, [12, {cls.max_k}]")
        low, high = -(-20 * k // 19), cls._max_n(k)
        if not low <= n <= high:
            rates = "[1/5, 0.95]" if k <= 3840 else "[1/3, 0.95]"
            raise ValueError(
                f"n: {n} coded bits for k = {k} is code rate {k / n:.4f}, outside the range of ldpc5g,"
                f" {rates}: n in [{low}, {high}]"
            )

    @staticmethod
    def _max_n(k: int) -> int:
        return 5 * k if k <= 3840 else 3 * k

    @classmethod
    def fit(cls, k: int, n: int, **_options: Any) -> tuple[int, int]:
        """Fill up to 12 bits, repeat below the lowest rate."""
        k = max(k, 12)
        return k, min(max(n, cls.min_n(k)), cls._max_n(k))

    @classmethod
    def min_n(cls, k: int, **_options: Any) -> int:
        """Return the length at which the punctured columns can still be resolved.

        Rate 0.95 for the first base graph. The second one, with few bits per lifting size, stops
        earlier: the first 2Z bits are never sent, and unless Z/2 + 1 parity bits are left, peeling
        stops on them even without noise.
        """
        k = max(k, 12)
        n = -(-20 * k // 19)
        graph = base_graph(k, n)
        return n if graph == "bg1" else max(n, k + lifting_size(k, graph) // 2 + 1)

    @classmethod
    def segment(cls, num_bits: int, n: int, unit: int = 1) -> Segmentation:
        """Split by TS 38.212 clause 5.2.2: blocks of 8448 bits, of 3840 at code rates up to 1/4."""
        return equal_segments(num_bits, n, 3840 if 4 * num_bits <= n else cls.max_k, unit)

    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Encode [batch, k] to [batch, n]."""
        return self._encoder(bits)

    def decode(self, llr: torch.Tensor) -> torch.Tensor:
        """Decode [batch, n] to [batch, k] by belief propagation."""
        return self._decoder(llr)
