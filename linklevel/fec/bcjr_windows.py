"""The two-way sweep of the BCJR algorithm over a trellis, in windows; the arithmetic comes from its callers.

A first sweep keeps the forward metrics at the start of every window of `WINDOW` steps. The windows are then taken
last to first, each repeating its forward sweep into a buffer that stays in the first-level cache before the backward
sweep passes over it. This costs a third recursion, and is exact and small whatever the length of the frame.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .simd import load, store
from .trellis_rows import spliced

WINDOW = 32


def work_rows(num_states: int, num_bits: int, num_steps: int) -> int:
    """Rows of scratch that a sweep needs: branch symbols, backward and forward metrics, starts of the windows."""
    num_windows = -(-num_steps // WINDOW)
    return (1 << num_bits) + (2 + WINDOW + num_windows) * num_states


@spliced
def _copy(work: np.ndarray, source: int, target: int, count: int) -> None:
    for row in range(count):
        store(work, target + row, load(work, source + row))


@spliced
def soft_output(
    start: Callable[..., Any], forward: Callable[..., Any], backward: Callable[..., Any], bits: np.ndarray,
    first: int, num_bits: int, num_steps: int, code: tuple, terminated: bool, exact: bool, extrinsic: np.ndarray,
    work: np.ndarray,
) -> None:  # fmt: skip
    """Write the extrinsic LLR of the information bit of every step.

    Args:
        start: ``start(work, base, num_states, known)`` writes the metrics of a state that is 0 for certain, or
            anything.
        forward: ``forward(bits, row, num_bits, t, work, source, target, symbols, exact)`` makes a step of the
            forward metrics from the rows at ``source`` to those at ``target``.
        backward: the same with ``alpha, inputs`` after ``symbols``: backwards, and returns the extrinsic LLR given
            the forward metrics at ``alpha``.
        bits: [rows, lanes]; what is known of the bits, ``num_bits`` rows a step. The information bit comes first,
            then the other bits of the symbol, highest first.
        first: row of step 0.
        num_bits: bits of a step, the information bit among them.
        num_steps: steps of the trellis.
        code: (symbols [S/2, 2, 2], inputs [S]), see `TrellisTables`.
        terminated: whether the last state is 0; the first always is.
        exact: passed on.
        extrinsic: [>= num_steps, lanes], written.
        work: [`work_rows`, lanes], scratch.
    """
    symbols, inputs = code
    num_states = inputs.shape[0]
    num_windows = (num_steps + WINDOW - 1) // WINDOW
    beta = 1 << num_bits
    alpha = beta + 2 * num_states
    starts = alpha + WINDOW * num_states
    start(work, starts, num_states, True)
    for window in range(num_windows - 1):
        here, there = alpha, alpha + num_states
        _copy(work, starts + window * num_states, here, num_states)
        for t in range(window * WINDOW, (window + 1) * WINDOW):
            forward(bits, first + t * num_bits, num_bits, t, work, here, there, symbols, exact)
            here, there = there, here
        _copy(work, here, starts + (window + 1) * num_states, num_states)
    here, there = beta, beta + num_states
    start(work, here, num_states, terminated)
    for window in range(num_windows - 1, -1, -1):
        begin = window * WINDOW
        end = min(begin + WINDOW, num_steps)
        _copy(work, starts + window * num_states, alpha, num_states)
        for t in range(begin, end - 1):
            base = alpha + (t - begin) * num_states
            forward(bits, first + t * num_bits, num_bits, t, work, base, base + num_states, symbols, exact)
        for t in range(end - 1, begin - 1, -1):
            base = alpha + (t - begin) * num_states
            llr = backward(bits, first + t * num_bits, num_bits, t, work, here, there, symbols, base, inputs, exact)
            store(extrinsic, t, llr)
            here, there = there, here
