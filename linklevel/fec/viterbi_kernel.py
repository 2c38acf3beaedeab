"""Viterbi's algorithm over one group of frames.

The cost of a bit is |LLR| where the path contradicts the LLR's sign and 0 elsewhere. It differs from the usual
correlation by a constant of each step, and keeps the metrics of good paths small: float32 stays exact enough for long
frames, and a known bit (a huge LLR) does not drown the others. One bit per state, step and frame remembers the
survivor.
"""

import numpy as np

from .numba_setup import kernel
from .simd import add, fill, load, negative_lanes, store, sub
from .trellis_rows import clear, rows_from_frames, spliced
from .vector_math import maximum, minimum

CERTAIN = 1e30
"""|LLR| of a known bit; smaller ones are taken as they are."""
_UNREACHABLE = np.float32(1e36)


@spliced
def _tabulate(rows: np.ndarray, first: int, num_outputs: int, metrics: np.ndarray) -> None:
    """Cost of each output symbol of a step."""
    zero = fill(rows, np.float32(0.0))
    store(metrics, 0, zero)
    for bit in range(num_outputs):
        llr = load(rows, first + num_outputs - 1 - bit)
        if_zero = maximum(llr, zero)
        if_one = sub(if_zero, llr)
        for symbol in range(1 << bit):
            cost = load(metrics, symbol)
            store(metrics, (1 << bit) + symbol, add(cost, if_one))
            store(metrics, symbol, add(cost, if_zero))


@spliced
def _select(
    metrics: np.ndarray, source: int, target: int, symbols: np.ndarray, odd_first: np.ndarray,
    survivors: np.ndarray, t: int,
) -> None:  # fmt: skip
    """Add, compare, select: one step from the costs at ``source`` to those at ``target``."""
    half = symbols.shape[0]
    for j in range(half):
        even, odd = load(metrics, source + 2 * j), load(metrics, source + 2 * j + 1)
        for h in range(2):
            from_even = add(even, load(metrics, symbols[j, 0, h]))
            from_odd = add(odd, load(metrics, symbols[j, 1, h]))
            store(metrics, target + j + h * half, minimum(from_even, from_odd))
            if odd_first[j, h]:
                survivors[t, j + h * half] = ~negative_lanes(sub(from_even, from_odd))
            else:
                survivors[t, j + h * half] = negative_lanes(sub(from_odd, from_even))


@spliced
def _trace_back(
    survivors: np.ndarray, state: np.ndarray, present: int, first: int, code: tuple, num_outputs: int,
    frames_out: np.ndarray,
) -> None:  # fmt: skip
    """Follow the survivors from the last ``state`` of each frame; write information bits, or codeword bits."""
    symbols, inputs, _ = code
    half = symbols.shape[0]
    codeword = num_outputs > 0
    num_info = frames_out.shape[1]
    for t in range(survivors.shape[0] - 1, -1, -1):
        for lane in range(present):
            h, j = divmod(state[lane], half)
            odd = (np.int64(survivors[t, state[lane]]) >> lane) & 1
            state[lane] = 2 * j + odd
            if codeword:
                symbol = symbols[j, odd, h]
                for bit in range(num_outputs):
                    value = (symbol >> (num_outputs - 1 - bit)) & 1
                    frames_out[first + lane, t * num_outputs + bit] = np.float32(value)
            elif t < num_info:
                frames_out[first + lane, t] = np.float32(inputs[state[lane]] ^ h)


@kernel
def decode_viterbi(
    frames: np.ndarray, first: int, targets: np.ndarray, code: tuple, num_outputs: int, terminated: bool,
    codeword: bool, frames_out: np.ndarray, buffers: tuple,
) -> bool:  # fmt: skip
    """Decode one group of frames; return False if an LLR is NaN.

    Args:
        frames: [num_frames, n], float32, LLRs.
        first: first frame of the group.
        targets: [n], int64, 0 … n-1.
        code: (symbols, inputs, odd_first): `TrellisTables` and, for each target state [S/2, 2], whether a tie
            goes to the odd one of its two predecessors.
        num_outputs: n of a step.
        terminated: whether the last state is 0.
        codeword: write the codeword rather than the information bits.
        frames_out: [num_frames, k or n], float32, written.
        buffers: (rows [n, 16] and metrics [2^num_outputs + 2 S, 16], float32; survivors [num_steps, S], uint16;
            state [16], int64; square, spare, tail of `rows_from_frames`).
    """
    symbols, inputs, odd_first = code
    rows, metrics, survivors, state, square, spare, tail = buffers
    clear(rows)
    if not rows_from_frames(frames, first, targets, np.float32(1.0), np.float32(CERTAIN), rows, square, spare, tail):
        return False
    num_states = inputs.shape[0]
    here = 1 << num_outputs
    there = here + num_states
    for s in range(num_states):
        store(metrics, here + s, fill(rows, np.float32(0.0) if s == 0 else _UNREACHABLE))
    for t in range(survivors.shape[0]):
        _tabulate(rows, t * num_outputs, num_outputs, metrics)
        _select(metrics, here, there, symbols, odd_first, survivors, t)
        here, there = there, here
    present = min(rows.shape[1], frames.shape[0] - first)
    for lane in range(present):
        state[lane] = 0
        if not terminated:
            for s in range(num_states):
                if metrics[here + s, lane] < metrics[here + state[lane], lane]:
                    state[lane] = s
    _trace_back(survivors, state, present, first, code, num_outputs if codeword else 0, frames_out)
    return True
