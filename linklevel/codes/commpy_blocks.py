"""CommPy's decoders with the constructor and call of Sionna's, as a slow independent reference."""

from typing import Any

import numpy as np
import torch

from .backends import optional
from .base import LLR_MAX


def _trellis(generators: np.ndarray, feedback: np.ndarray | None = None) -> Any:
    """Return CommPy's trellis of polynomials whose most significant bit is the newest input."""
    convcode = optional("commpy.channelcoding.convcode", "scikit-commpy")
    memory = np.array([int(generators.max()).bit_length() - 1])
    return convcode.Trellis(memory, generators, feedback, "default" if feedback is None else "rsc", "Matlab")


class ViterbiDecoder:
    """CommPy's soft Viterbi decoder for a terminated convolutional code.

    CommPy traces back from the best state. Trellis steps of strong zeros are appended, so that this
    is state zero, where the encoder ended; the trace covers the whole block.

    Args:
        encoder: Sionna's `ConvEncoder`, terminated.
        method: "soft_llr" only.
        _sionna: precision and device; CommPy computes in double precision on the CPU.
    """

    def __init__(self, *, encoder: Any, method: str = "soft_llr", **_sionna: Any) -> None:
        if method != "soft_llr":
            raise ValueError(f"method: {method!r} given; the commpy backend has 'soft_llr'")
        self._trellis = _trellis(np.array([[int(p, 2) for p in encoder.gen_poly]]))
        self._viterbi = optional("commpy.channelcoding", "scikit-commpy").viterbi_decode

    def __call__(self, llr: torch.Tensor) -> torch.Tensor:
        """Decode LLRs [batch, streams * (k + memory)] to bits [batch, k]."""
        streams, memory = self._trellis.n, int(self._trellis.total_memory)
        steps = llr.shape[1] // streams
        ending = np.full(streams * (memory + 1), -LLR_MAX)
        rows = [
            self._viterbi(
                np.concatenate([row, ending]), self._trellis, tb_depth=steps + memory + 1,
                decoding_type="soft",
            )
            for row in llr.detach().cpu().double().numpy()
        ]  # fmt: skip
        bits = np.reshape(rows, (len(rows), -1))[:, : steps - memory]
        return torch.as_tensor(bits, dtype=torch.float32, device=llr.device)


class TurboDecoder:
    """Turbo decoding with CommPy's MAP decoder as the two component decoders.

    CommPy's own ``turbo_decode`` does not fit the LTE code: it knows no tail bits, and it leaves the
    channel's systematic LLR in the extrinsic information, so the LLR counts twice in each exchange. Here
    the iterations are as in Sionna and only the component decoder is CommPy's; its final state is
    made zero by trellis steps of strong zeros after the tail.

    Args:
        encoder: Sionna's `TurboEncoder`, rate 1/3, terminated, 3GPP interleaver.
        num_iter: iterations.
        algorithm: "map" or "log": CommPy's decoder is the exact one.
        _sionna: precision and device; CommPy computes in double precision on the CPU.
    """

    def __init__(self, encoder: Any, *, num_iter: int = 6, algorithm: str = "log", **_sionna: Any) -> None:
        if algorithm not in ("map", "log"):
            raise ValueError(f"algorithm: {algorithm!r} given; the commpy backend has 'map' and 'log'")
        feedback, parity = (int(polynomial, 2) for polynomial in encoder.gen_poly)
        newest = 1 << (feedback.bit_length() - 1)
        # CommPy applies generators to the input and the state, not to the fed-back bit.
        generators = np.array([[newest, parity ^ (feedback ^ newest)]])
        self._trellis = _trellis(generators, np.array([[feedback]]))
        self._map = optional("commpy.channelcoding.turbo", "scikit-commpy").map_decode
        self._interleaver = encoder.internal_interleaver
        self._num_iter = num_iter

    def __call__(self, llr: torch.Tensor) -> torch.Tensor:
        """Decode LLRs [batch, 3k + 12] to bits [batch, k]."""
        k = (llr.shape[1] - 12) // 3
        order = self._interleaver(torch.arange(k)[None])[0].numpy()
        rows = [self._decode(row, order) for row in llr.detach().cpu().double().numpy()]
        bits = np.reshape(rows, (len(rows), k))
        return torch.as_tensor(bits, dtype=torch.float32, device=llr.device)

    def _decode(self, llr: np.ndarray, order: np.ndarray) -> np.ndarray:
        k = len(order)
        body, tails = llr[: 3 * k].reshape(k, 3), llr[3 * k :].reshape(2, 3, 2)
        systematic = body[:, 0]
        prior, posterior = np.zeros(k), np.zeros(k)
        for _ in range(self._num_iter):
            posterior = self._component(systematic, body[:, 1], tails[0], prior)
            extrinsic = np.clip(posterior - systematic - prior, -LLR_MAX, LLR_MAX)[order]
            posterior = self._component(systematic[order], body[:, 2], tails[1], extrinsic)
            prior = np.empty(k)
            prior[order] = np.clip(posterior - systematic[order] - extrinsic, -LLR_MAX, LLR_MAX)
        bits = np.empty(k)
        bits[order] = posterior > 0
        return bits

    def _component(self, systematic: np.ndarray, parity: np.ndarray, tail: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """Return the posterior LLRs [k] of one component code."""
        ending = np.full(int(self._trellis.total_memory), -LLR_MAX)
        # At noise variance 1 the LLR of a received amplitude y is 2 y.
        inputs = np.concatenate([systematic, tail[:, 0], ending]) / 2
        outputs = np.concatenate([parity, tail[:, 1], ending]) / 2
        priors = np.concatenate([prior, np.zeros(len(inputs) - len(prior))])
        with np.errstate(divide="ignore"):
            llr, _ = self._map(inputs, outputs, self._trellis, 1.0, priors, "compute")
        return np.nan_to_num(llr[: len(prior)], posinf=2 * LLR_MAX, neginf=-2 * LLR_MAX)
