"""BCJR in the logarithmic domain, for float32 (exact or max-log) and int16 (max-log) rows.

With the metric g(s, s') of a branch, the sum of the LLRs of those of its bits that are 1,

    a[t+1](s') = SUM over s  of a[t](s) + g(s, s')        b[t](s) = SUM over s' of b[t+1](s') + g(s, s')
    L[t] = SUM over branches with bit 1 of a + g + b  -  SUM over branches with bit 0 of a + g + b

where SUM is log(sum(exp)) in the exact algorithm and the maximum in max-log (Bahl, Cocke, Jelinek, Raviv 1974;
Robertson, Villebrun, Hoeher 1995). The metric of state 0, which can be reached at every step, is taken off all
states now and then.
"""

from typing import Any

import numpy as np

from .bcjr_windows import soft_output
from .numba_setup import kernel
from .simd import add, fill, load, store, sub
from .trellis_rows import spliced
from .vector_math import log_sum

FLOAT_LIMIT = 2048.0
"""Largest |LLR| of one bit in float32; it keeps the rounding of the metrics below 1e-2 however certain a bit is."""
INT16_STEP = 0.125
"""LLR of one unit in int16."""
INT16_LIMIT = 255
"""Largest |LLR| of a channel value in int16, in units; extrinsic values may be twice that. Metrics never overflow."""

_NORMALISE_EVERY = 8


@spliced
def _lowest(work: np.ndarray) -> Any:
    """Metric of a state that cannot be: below all others, whose spread is the LLRs of a few steps."""
    is_float = work.dtype.type(0.5) > 0
    return fill(work, work.dtype.type(-1e6 if is_float else -8192.0))


@spliced
def _start(work: np.ndarray, base: int, num_states: int, known: bool) -> None:
    zero, lowest = fill(work, work.dtype.type(0)), _lowest(work)
    store(work, 0, zero)
    for state in range(num_states):
        store(work, base + state, lowest if known and state > 0 else zero)


@spliced
def _tabulate(bits: np.ndarray, row: int, num_bits: int, work: np.ndarray) -> None:
    """Rows 0 … 2^num_bits - 1 of ``work``: metric of each symbol; row 0 stays zero."""
    for bit in range(num_bits):
        value = load(bits, row + num_bits - 1 - bit)
        store(work, 1 << bit, value)
        for symbol in range(1, 1 << bit):
            store(work, (1 << bit) + symbol, add(load(work, symbol), value))


@spliced
def _normalise(work: np.ndarray, base: int, num_states: int) -> None:
    reference = load(work, base)
    for state in range(num_states):
        store(work, base + state, sub(load(work, base + state), reference))


@spliced
def _forward(
    bits: np.ndarray, row: int, num_bits: int, t: int, work: np.ndarray, source: int, target: int,
    symbols: np.ndarray, exact: bool,
) -> None:  # fmt: skip
    half = symbols.shape[0]
    _tabulate(bits, row, num_bits, work)
    for j in range(half):
        even, odd = load(work, source + 2 * j), load(work, source + 2 * j + 1)
        for h in range(2):
            from_even = add(even, load(work, symbols[j, 0, h]))
            from_odd = add(odd, load(work, symbols[j, 1, h]))
            store(work, target + j + h * half, log_sum(from_even, from_odd, exact))
    if t % _NORMALISE_EVERY == 0:
        _normalise(work, target, 2 * half)


@spliced
def _backward(
    bits: np.ndarray, row: int, num_bits: int, t: int, work: np.ndarray, source: int, target: int,
    symbols: np.ndarray, alpha: int, inputs: np.ndarray, exact: bool,
) -> Any:  # fmt: skip
    half = symbols.shape[0]
    _tabulate(bits, row, num_bits, work)
    zero = _lowest(work)
    one = zero
    for j in range(half):
        low, high = load(work, source + j), load(work, source + j + half)
        for i in range(2):
            state = 2 * j + i
            to_low = add(low, load(work, symbols[j, i, 0]))
            to_high = add(high, load(work, symbols[j, i, 1]))
            store(work, target + state, log_sum(to_low, to_high, exact))
            before = load(work, alpha + state)
            to_low, to_high = add(to_low, before), add(to_high, before)
            if inputs[state] == 0:
                zero, one = log_sum(zero, to_low, exact), log_sum(one, to_high, exact)
            else:
                zero, one = log_sum(zero, to_high, exact), log_sum(one, to_low, exact)
    if t % _NORMALISE_EVERY == 0:
        _normalise(work, target, 2 * half)
    return sub(sub(one, zero), load(bits, row))


@kernel
def soft_output_log(
    bits: np.ndarray, first: int, num_bits: int, num_steps: int, code: tuple, terminated: bool, exact: bool,
    extrinsic: np.ndarray, work: np.ndarray,
) -> None:  # fmt: skip
    """Write the extrinsic LLR of every information bit from the LLRs of the bits of each step.

    ``bits`` [rows, lanes] holds LLRs, float32, or int16 in units of `INT16_STEP`; ``exact`` is log-MAP rather than
    max-log, and int16 is max-log always. The other arguments are those of `bcjr_windows.soft_output`.
    """
    soft_output(_start, _forward, _backward, bits, first, num_bits, num_steps, code, terminated, exact, extrinsic, work)
