"""Decode a batch of frames with the LDPC kernels: scratch, threads, and rounds of regrouping."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .inputs import refuse_nan
from .ldpc_arithmetic import Arithmetic
from .ldpc_frames import decode_frames
from .ldpc_graph import TannerGraph
from .ldpc_work import Plan, Wiring, Workspace
from .numba_setup import aligned_empty, for_each_group, num_threads

_OFFSET = 0.5  # of offset min-sum, as in Sionna


@dataclass(frozen=True)
class FrameDecoder:
    """A message-passing decoder of one graph.

    Attributes:
        graph: the code, without its known bits (they would only repeat themselves).
        cn_update: "boxplus-phi", "boxplus", "minsum" or "offset-minsum".
        flooding: flooding instead of layered schedule. Layered takes the checks one by one, in order.
        arithmetic: number format; the boxplus updates and flooding need float32.
        scale: factor on messages of "minsum".
    """

    graph: TannerGraph
    cn_update: str
    flooding: bool
    arithmetic: Arithmetic
    scale: float

    def decode(
        self,
        llr: np.ndarray,
        inputs: np.ndarray,
        outputs: np.ndarray,
        *,
        num_iter: int,
        llr_max: float | None,
        hard_out: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Decode all frames.

        Args:
            llr: [batch, num_inputs], float32, C-contiguous. Log p(1)/p(0).
            inputs: [num_inputs]. Variable node of each LLR; those of the same node add up.
            outputs: [num_outputs]. Variable node of each value returned.
            num_iter: iterations at most.
            llr_max: bound on channel values and messages.
            hard_out: return bits, and stop a frame when it satisfies all checks; otherwise LLRs after all
                iterations.

        Returns:
            Values [batch, num_outputs], float32, and the number of iterations [batch], int32.

        Raises:
            ValueError: if an LLR is NaN.
        """
        wiring = Wiring(_indices(inputs), _indices(outputs), self.graph.starts, self.graph.columns)
        out = np.empty((llr.shape[0], len(outputs)), np.float32)
        iterations = np.empty(llr.shape[0], np.int32)
        rules = self._rules(llr_max)
        bound = np.float32(self.arithmetic.bound(llr_max))
        frames = np.arange(llr.shape[0])
        while frames.size:
            # With no more groups to save, leaving one early would only repeat its work.
            many = frames.size > self.arithmetic.lanes * num_threads()
            leave_below = self.arithmetic.lanes // 4 if hard_out and many else 0
            step = np.float32(self.arithmetic.step)
            plan = Plan(num_iter, leave_below, self.flooding, hard_out, step, bound)
            self._round(llr, frames, (wiring, plan, *rules), out, iterations)
            frames = frames[iterations[frames] < 0]
        return out, iterations

    def _round(
        self,
        llr: np.ndarray,
        frames: np.ndarray,
        method: tuple[Any, ...],
        out: np.ndarray,
        iterations: np.ndarray,
    ) -> None:
        """Decode ``frames`` on all threads; some may be left undone."""
        lanes = self.arithmetic.lanes
        per_call = lanes * max(1, frames.size // (lanes * 8 * num_threads()))
        calls = [frames[i : i + per_call] for i in range(0, frames.size, per_call)]
        found_nan = np.zeros(len(calls), bool)

        def work(index: int, *scratch: np.ndarray) -> None:
            found_nan[index] = decode_frames(llr, calls[index], *method, Workspace(*scratch), out, iterations)

        for_each_group(work, len(calls), lambda: self._workspace(out.shape[1]))
        if found_nan.any():
            refuse_nan("llr_ch")

    def _rules(self, llr_max: float | None) -> tuple[Any, Any]:
        """The arguments ``rule`` and ``exact`` of `decode_frames`."""
        offset = _OFFSET if self.cn_update == "offset-minsum" else 0.0
        exact = None
        if self.cn_update.startswith("boxplus"):
            exact = (np.float32(self.arithmetic.bound(llr_max)), self.cn_update == "boxplus-phi")
        return self.arithmetic.minsum_rule(self.scale, offset, llr_max), exact

    def _workspace(self, num_outputs: int) -> tuple[np.ndarray, ...]:
        """Scratch of one thread; see `Workspace`."""
        lanes, dtype = self.arithmetic.lanes, self.arithmetic.dtype
        num_vns, second = self.graph.num_vns, self.graph.num_vns if self.flooding else 1
        rows = (num_vns, second, second, self.graph.num_edges, self.graph.max_degree, lanes, lanes)
        vectors = [aligned_empty((count, lanes), dtype) for count in rows]
        words = [np.empty(count, np.uint64) for count in (num_vns, num_outputs)]
        return *vectors, np.zeros((1, lanes), np.float32), *words


def _indices(nodes: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(nodes, dtype=np.uint32)
