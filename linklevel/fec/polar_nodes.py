"""Arithmetic of successive cancellation that the SC and the list decoder of polar codes share.

LLRs are log p(0)/p(1) here. Bits are floats of which only the sign bit counts (set: 1), so that a bit applies to an LLR
by exclusive or.
"""

from typing import Any

import numpy as np

from .numba_setup import kernel
from .simd import add, fill, flipped, lesser, load, magnitude, store, sub, with_sign
from .trellis_rows import rows_from_frames, spliced
from .vector_math import log1p_exp, maximum, minimum

ZERO, ONE = np.float32(0.0), np.float32(-0.0)
"""The two bits."""
LIMIT = np.float32(30.0)
"""Largest |LLR| of the channel and into a check node, as in Sionna."""


@spliced
def clipped(x: Any, like: np.ndarray) -> Any:
    """LLRs within ±30."""
    return minimum(maximum(x, fill(like, -LIMIT)), fill(like, LIMIT))


@spliced
def check_node(x: Any, y: Any, like: np.ndarray) -> Any:
    """f(x, y) = sign(x y) min(|x|, |y|) + log(1 + exp(-|x + y|)) - log(1 + exp(-|x - y|))."""
    x, y = clipped(x, like), clipped(y, like)
    peak = with_sign(lesser(magnitude(x), magnitude(y)), flipped(x, y))
    return add(peak, sub(log1p_exp(add(x, y)), log1p_exp(sub(x, y))))


@spliced
def variable_node(x: Any, y: Any, bit: Any) -> Any:
    """g(x, y, u) = y + (1 - 2u) x."""
    return add(y, flipped(x, bit))


@spliced
def cost_of_zero(x: Any, like: np.ndarray) -> Any:
    """log(1 + exp(-x)): what deciding 0 against this LLR adds to a path's metric."""
    return add(maximum(sub(fill(like, ZERO), x), fill(like, ZERO)), log1p_exp(x))


@kernel
def load_channel(
    frames: np.ndarray, first: int, layout: tuple, llr: np.ndarray, at: int, square: np.ndarray, spare: np.ndarray,
    tail: np.ndarray,
) -> bool:  # fmt: skip
    """Fill n rows from ``at`` on with the LLRs of the frames from ``first`` on; return False if a value is NaN.

    Args:
        frames: [num_frames, n_received], float32, log p(1)/p(0).
        first: frame of lane 0.
        layout: (targets [n_received]: row, from ``at`` on, that each received value adds to; base [n], float32: what
            the rows start from).
        llr: [rows, 16], float32, written: log p(0)/p(1) within ±30.
        at: first row.
        square: [16, 16], float32, scratch.
        spare: the same.
        tail: [1, 16], float32, scratch.
    """
    targets, base = layout
    n = base.shape[0]
    rows = llr[at : at + n]
    for i in range(n):
        store(rows, i, fill(rows, base[i]))
    huge = np.float32(1e30)
    if not rows_from_frames(frames, first, targets, np.float32(1.0), huge, rows, square, spare, tail):
        return False
    for i in range(n):
        store(rows, i, clipped(sub(fill(rows, ZERO), load(rows, i)), rows))
    return True
