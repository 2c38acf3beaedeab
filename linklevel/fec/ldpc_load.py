"""Bring LLRs into the lanes: from [frame, position] to one row of all frames per variable node."""

from typing import Any

import numpy as np

from .ldpc_work import Plan, Workspace
from .numba_setup import inlined
from .simd import (
    add,
    any_nan,
    fill,
    lesser,
    load,
    load_quantised,
    lower_zip,
    magnitude,
    store,
    upper_zip,
    with_sign,
)


@inlined
def transpose(square: np.ndarray, spare: np.ndarray) -> np.ndarray:
    """Transpose the square; the result is in the returned one of the two arrays.

    Each pass interleaves row i with row i + lanes/2, which rotates the bits of the address (row, lane) by
    one.
    """
    size = square.shape[0]
    step = size
    while step > 1:
        for i in range(size // 2):
            a, b = load(square, i), load(square, i + size // 2)
            store(spare, 2 * i, lower_zip(a, b))
            store(spare, 2 * i + 1, upper_zip(a, b))
        square, spare = spare, square
        step //= 2
    return square


@inlined
def load_block(
    llr: np.ndarray, frames: np.ndarray, begin: int, count: int, step: float, bound: float, work: Workspace
) -> bool:
    """Quantise ``count`` LLRs of each frame into the rows of ``work.square``; return whether one is NaN."""
    square, tail = work.square, work.tail
    nan = False
    for lane in range(square.shape[0]):
        if lane >= frames.size:
            store(square, lane, fill(square, square.dtype.type(0)))
        elif count == square.shape[0]:
            store(square, lane, load_quantised(llr, frames[lane], begin, square, step, bound))
            nan |= any_nan(llr, frames[lane], begin, square)
        else:
            for i in range(count):
                tail[0, i] = llr[frames[lane], begin + i]
            store(square, lane, load_quantised(tail, 0, 0, square, step, bound))
            nan |= any_nan(tail, 0, 0, square)
    return nan


@inlined
def load_group(llr: np.ndarray, frames: np.ndarray, inputs: np.ndarray, plan: Plan, work: Workspace) -> bool:
    """Fill ``work.total`` with the frames' channel values; return whether an LLR is NaN.

    Single LLRs are clipped far out, sums of retransmissions to ``plan.bound``.
    """
    total = work.total
    limit = fill(total, total.dtype.type(plan.bound))
    zero = fill(total, total.dtype.type(0))
    bound: Any = plan.bound
    far = np.float32(max(bound, 1e6)) if total.itemsize == 4 else bound
    for row in range(total.shape[0]):
        store(total, row, zero)
    lanes = total.shape[1]
    nan = False
    for begin in range(0, inputs.size, lanes):
        count = min(lanes, inputs.size - begin)
        nan |= load_block(llr, frames, begin, count, plan.step, far, work)
        columns = transpose(work.square, work.square_spare)
        for i in range(count):
            row = inputs[begin + i]
            x = add(load(total, row), load(columns, i))
            store(total, row, with_sign(lesser(magnitude(x), limit), x))
    return nan
