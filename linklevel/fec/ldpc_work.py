"""What the LDPC kernels pass around: the wiring of a code, scratch memory, and how to decode."""

from typing import NamedTuple

import numpy as np


class Wiring(NamedTuple):
    """Where the values of a frame belong in the graph; all uint32.

    Attributes:
        inputs: [num_inputs]. Variable node of each LLR; LLRs of the same node add up (retransmissions).
        outputs: [num_outputs]. Variable node of each value returned.
        starts: [num_cns + 1]. As in `TannerGraph`.
        columns: [num_edges]. As in `TannerGraph`.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    starts: np.ndarray
    columns: np.ndarray


class Workspace(NamedTuple):
    """Scratch memory of one thread; rows are `ROW_BYTES` long and aligned to it.

    Attributes:
        total: [num_vns, lanes]. Channel value plus all messages.
        channel: [num_vns, lanes] for the flooding schedule, otherwise of one row.
        spare: as ``channel``; becomes the totals of the next iteration.
        messages: [num_edges, lanes]. From check to variable nodes.
        incoming: [max_degree, lanes]. What one check receives.
        square: [lanes, lanes], with ``square_spare`` of the same shape, for transposing.
        tail: [1, lanes], float32. The last LLRs of a frame, where fewer than a row are left.
        hard: [num_vns], uint64. Bit i is set if the total of lane i is negative.
        kept: [num_outputs], uint64. The same of the outputs, from when a lane was done.
    """

    total: np.ndarray
    channel: np.ndarray
    spare: np.ndarray
    messages: np.ndarray
    incoming: np.ndarray
    square: np.ndarray
    square_spare: np.ndarray
    tail: np.ndarray
    hard: np.ndarray
    kept: np.ndarray


class Plan(NamedTuple):
    """How to decode.

    Attributes:
        num_iter: iterations at most.
        leave_below: leave a group when no more lanes than this are at work.
        flooding: flooding instead of layered schedule.
        hard_out: return bits; stops early. Otherwise LLRs, after all iterations.
        step: units of the arithmetic per unit of LLR.
        bound: clip channel values to ±bound, in units of the arithmetic.
    """

    num_iter: int
    leave_below: int
    flooding: bool
    hard_out: bool
    step: np.float32
    bound: np.float32
