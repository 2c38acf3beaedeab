"""A code outside its family's range, by known fillers and repetition."""

import numpy as np
import torch

from .base import LLR_MAX, Code
from .rate_matching import RateMatcher


class MatchedCode(Code):
    """Carries ``k`` bits in ``n`` with a code for more information bits, fewer coded bits, or both.

    Fillers are zeros after the information bits. Coded bits that are zero whatever the information
    bits, because they depend on fillers only, are not sent and the receiver knows them. The rest is
    sent in order and again from the start.

    Args:
        code: the code that does the work.
        k: information bits, at most ``code.k``.
        n: coded bits.

    Example:
        >>> from tokencom.linklevel.codes import Uncoded
        >>> MatchedCode(Uncoded(k=2, n=2), k=2, n=5).encode(torch.tensor([[1.0, 0.0]]))
        tensor([[1., 0., 1., 0., 1.]])
    """

    name = "matched"

    def __init__(self, code: Code, *, k: int, n: int) -> None:
        super().__init__(k=k, n=n, backend=code.backend, device=code.device)
        if k > code.k:
            raise ValueError(f"k: {k} information bits do not fit the code's {code.k}")
        self.code = code
        self.bits_per_call = code.bits_per_call
        known = self._known() if k < code.k else np.arange(0)
        order = np.setdiff1d(np.arange(code.n), known)
        self._matcher = RateMatcher(order, size=code.n, n=n, known=known, known_llr=LLR_MAX, device=code.device)

    @classmethod
    def check(cls, k: int, n: int) -> None:
        """Accept any pair; the code inside has checked its own."""

    def _known(self) -> np.ndarray:
        """Return coded positions that no information bit reaches; all families are linear."""
        unit = torch.eye(self.k, device=self.device)
        return np.flatnonzero((self._fill(unit).sum(dim=0) == 0).cpu().numpy())

    def _fill(self, bits: torch.Tensor) -> torch.Tensor:
        fillers = bits.new_zeros(bits.shape[0], self.code.k - self.k)
        return self.code.encode(torch.cat([bits, fillers], dim=1))

    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Encode [batch, k] to [batch, n]."""
        return self._matcher.match(self._fill(bits))

    def decode(self, llr: torch.Tensor) -> torch.Tensor:
        """Decode [batch, n] to [batch, k]; LLRs of repeated bits add up."""
        return self.code.decode(self._matcher.recover(llr))[:, : self.k]
