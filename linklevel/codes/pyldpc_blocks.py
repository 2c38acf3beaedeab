"""pyldpc's decoder with the constructor and call of Sionna's, as a slow independent reference."""

import warnings
from typing import Any

import numpy as np
import torch

from .backends import optional


class LDPCBPDecoder:
    """pyldpc's sum-product decoder in the logarithmic domain.

    Words go one by one: pyldpc stops when all words it is given satisfy their checks, and one that
    goes on after that may be lost again, since a message beyond double precision's tanh counts as 1.

    Args:
        pcm: parity-check matrix, [num_checks, n].
        cn_update: "boxplus" or "boxplus-phi": pyldpc's rule is the exact one.
        scale: 1.
        cn_schedule: "flooding".
        num_iter: iterations at most.
        _sionna: precision and device; pyldpc computes in double precision on the CPU.
    """

    def __init__(
        self,
        pcm: np.ndarray,
        *,
        cn_update: str = "boxplus-phi",
        scale: float = 1.0,
        cn_schedule: str = "flooding",
        num_iter: int = 20,
        **_sionna: Any,
    ) -> None:
        exact = cn_update in ("boxplus", "boxplus-phi") and scale == 1.0
        if not exact or cn_schedule != "flooding":
            raise ValueError(
                f"cn_update={cn_update!r}, scale={scale}, cn_schedule={cn_schedule!r} given; the pyldpc"
                " backend has cn_update 'boxplus', scale 1, cn_schedule 'flooding'"
            )
        self._pcm = np.asarray(pcm)
        self._num_iter = num_iter
        self._pyldpc: Any = optional("pyldpc", "pyldpc")

    def __call__(self, llr: torch.Tensor) -> torch.Tensor:
        """Decode LLRs [batch, n] to hard bits of the codeword, [batch, n]."""
        # pyldpc maps bit 0 to +1; at its snr of 0 dB the LLR of an amplitude y is 2 y.
        amplitudes = -llr.detach().cpu().double().numpy() / 2
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "stopped before convergence" is an ordinary block error
            words = [self._pyldpc.decode(self._pcm, row, 0.0, self._num_iter) for row in amplitudes]
        bits = np.reshape(words, llr.shape)
        return torch.as_tensor(bits, dtype=torch.float32, device=llr.device)
