"""BCJR on probabilities (the "map" algorithm): exact, and three times as fast as in the logarithmic domain.

The recursions of `bcjr_log` with products for sums and sums for SUM: a fused multiply-add replaces the logarithm
of a sum of exponentials. Rows hold likelihood ratios exp(LLR), clipped to exp(±`largest_llr`). At each step the
probabilities of the states are scaled by a power of two to add up to about 2^40 and kept above 2^-40, so nothing
over- or underflows in float32. What is lost are states less likely than e^-55: LLRs beyond about ±100.
"""

from typing import Any

import numpy as np

from .bcjr_windows import soft_output
from .numba_setup import kernel
from .simd import add, fill, load, store
from .trellis_rows import spliced
from .vector_math import divide, logarithm, maximum, multiply, multiply_add, scale_to

_LARGEST, _SMALLEST = 2.0**40, 2.0**-40
_NEGLIGIBLE = 2.0**-120  # keeps the two sums of the output from being 0


def largest_llr(num_bits: int) -> float:
    """Largest |LLR| of a bit when a step carries ``num_bits``: all bits of a step together stay inside e^±58."""
    return 58.0 / num_bits


@spliced
def _rescale(work: np.ndarray, base: int, num_states: int, total: Any) -> None:
    factor, floor = scale_to(total, _LARGEST), fill(work, work.dtype.type(_SMALLEST))
    for state in range(num_states):
        store(work, base + state, maximum(multiply(load(work, base + state), factor), floor))


@spliced
def _start(work: np.ndarray, base: int, num_states: int, known: bool) -> None:
    likely, floor = fill(work, work.dtype.type(_LARGEST)), fill(work, work.dtype.type(_SMALLEST))
    store(work, 0, fill(work, work.dtype.type(1)))
    for state in range(num_states):
        store(work, base + state, floor if known and state > 0 else likely)
    _rescale(work, base, num_states, multiply(likely, fill(work, work.dtype.type(1 if known else num_states))))


@spliced
def _tabulate(bits: np.ndarray, row: int, num_bits: int, work: np.ndarray) -> None:
    """Rows 0 … 2^num_bits - 1 of ``work``: likelihood of each symbol; row 0 stays one."""
    for bit in range(num_bits):
        value = load(bits, row + num_bits - 1 - bit)
        store(work, 1 << bit, value)
        for symbol in range(1, 1 << bit):
            store(work, (1 << bit) + symbol, multiply(load(work, symbol), value))


@spliced
def _forward(
    bits: np.ndarray, row: int, num_bits: int, t: int, work: np.ndarray, source: int, target: int,
    symbols: np.ndarray, exact: bool,
) -> None:  # fmt: skip
    half = symbols.shape[0]
    _tabulate(bits, row, num_bits, work)
    total = fill(work, work.dtype.type(0))
    for j in range(half):
        even, odd = load(work, source + 2 * j), load(work, source + 2 * j + 1)
        low = multiply_add(odd, load(work, symbols[j, 1, 0]), multiply(even, load(work, symbols[j, 0, 0])))
        high = multiply_add(odd, load(work, symbols[j, 1, 1]), multiply(even, load(work, symbols[j, 0, 1])))
        store(work, target + j, low)
        store(work, target + j + half, high)
        total = add(total, add(low, high))
    _rescale(work, target, 2 * half, total)


@spliced
def _backward(
    bits: np.ndarray, row: int, num_bits: int, t: int, work: np.ndarray, source: int, target: int,
    symbols: np.ndarray, alpha: int, inputs: np.ndarray, exact: bool,
) -> Any:  # fmt: skip
    """The information bit's own likelihood enters the recursion, not the output."""
    half = symbols.shape[0]
    others = (1 << (num_bits - 1)) - 1
    _tabulate(bits, row + 1, num_bits - 1, work)
    own = load(bits, row)
    zero = fill(work, work.dtype.type(_NEGLIGIBLE))
    one, total = zero, zero
    for j in range(half):
        low, high = load(work, source + j), load(work, source + j + half)
        for i in range(2):
            state = 2 * j + i
            if_zero = multiply(low, load(work, symbols[j, i, 0] & others))
            if_one = multiply(high, load(work, symbols[j, i, 1] & others))
            if inputs[state] == 1:
                if_zero, if_one = if_one, if_zero
            before = load(work, alpha + state)
            zero, one = multiply_add(before, if_zero, zero), multiply_add(before, if_one, one)
            value = multiply_add(own, if_one, if_zero)
            store(work, target + state, value)
            total = add(total, value)
    _rescale(work, target, 2 * half, total)
    return logarithm(divide(one, zero))


@kernel
def soft_output_probability(
    bits: np.ndarray, first: int, num_bits: int, num_steps: int, code: tuple, terminated: bool,
    extrinsic: np.ndarray, work: np.ndarray,
) -> None:  # fmt: skip
    """Write the extrinsic LLR of every information bit from the likelihood ratios of the bits of each step.

    ``bits`` [rows, lanes], float32, holds exp(LLR). The other arguments are those of `bcjr_windows.soft_output`.
    """
    soft_output(_start, _forward, _backward, bits, first, num_bits, num_steps, code, terminated, True, extrinsic, work)
