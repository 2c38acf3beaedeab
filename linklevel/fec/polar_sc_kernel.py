"""Successive cancellation decoding of polar codes: one frame per SIMD lane (Arikan 2009)."""

import numpy as np

from .numba_setup import kernel
from .polar_nodes import ONE, ZERO, check_node, load_channel, variable_node
from .polar_schedule import CHECK, COMBINE, RATE0, REPETITION, VARIABLE
from .simd import add, fill, flipped, load, store
from .trellis_rows import frames_from_rows, spliced
from .vector_math import bits_of, where_equals, where_less


@spliced
def _decide(llr: np.ndarray, bits: np.ndarray, operation: int, stage: int, source: int, target: int) -> None:
    """Bits of a fast node; an LLR of exactly 0 gives 1, as in Sionna."""
    zero, one = fill(llr, ZERO), fill(llr, ONE)
    total = zero
    if operation == REPETITION:
        for i in range(1 << stage):
            total = add(total, load(llr, source + i))
    for i in range(1 << stage):
        bit = zero
        if operation == REPETITION:
            bit = where_less(zero, total, zero, one)
        elif operation != RATE0:
            bit = where_less(zero, load(llr, source + i), zero, one)
        store(bits, target + i, bit)


@kernel
def _step(llr: np.ndarray, bits: np.ndarray, operation: int, stage: int, side: int) -> None:
    """One operation of the schedule. Stage s holds its LLRs from row 2^s - 1 and its bits from row 2^(s+1) - 2."""
    half = 1 << max(stage - 1, 0)
    source, target = (1 << stage) - 1, (2 << stage) - 2 + (side << stage)
    left = 2 * half - 2
    if operation == CHECK:
        for i in range(half):
            store(llr, half - 1 + i, check_node(load(llr, source + i), load(llr, source + half + i), llr))
    elif operation == VARIABLE:
        for i in range(half):
            x, y = load(llr, source + i), load(llr, source + half + i)
            store(llr, half - 1 + i, variable_node(x, y, load(bits, left + i)))
    elif operation == COMBINE:
        for i in range(half):
            right = load(bits, left + half + i)
            store(bits, target + i, flipped(load(bits, left + i), right))
            store(bits, target + half + i, right)
    else:
        _decide(llr, bits, operation, stage, source, target)


@kernel
def decode_cancellation(
    frames: np.ndarray, first: int, layout: tuple, code: tuple, output: tuple, buffers: tuple
) -> bool:
    """Decode one group of frames; return False if an LLR is NaN.

    Args:
        frames: [num_frames, n_received], float32, log p(1)/p(0).
        first: first frame of the group.
        layout: see `polar_nodes.load_channel`.
        code: (operations, see `polar_schedule`; info: positions of u to put out).
        output: frames_out [num_frames, len(info)], float32, written.
        buffers: (llr [2n - 1, 16], bits [3n - 2, 16], square, spare, tail).
    """
    operations, info = code
    llr, bits, square, spare, tail = buffers
    n = layout[1].shape[0]
    if not load_channel(frames, first, layout, llr, n - 1, square, spare, tail):
        return False
    for step in range(operations.shape[0]):
        _step(llr, bits, operations[step, 0], operations[step, 1], operations[step, 2])
    codeword = bits[2 * n - 2 :]
    step = 1
    while step < n:
        for start in range(0, n, 2 * step):
            for i in range(start, start + step):
                store(codeword, i, flipped(load(codeword, i), load(codeword, i + step)))
        step *= 2
    zero, one = fill(llr, np.float32(0.0)), fill(llr, np.float32(1.0))
    for i in range(info.shape[0]):
        is_zero = bits_of(load(codeword, info[i]))
        store(llr, i, where_equals(is_zero, bits_of(zero), zero, one))
    frames_from_rows(llr, info.shape[0], np.float32(1.0), first, output, square, spare)
    return True
