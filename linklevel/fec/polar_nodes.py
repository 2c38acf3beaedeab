"""Arithmetic of successive cancellation that the SC and the list decoder of polar codes share.

LLRs are log p(0)/p(1) here. Bits are floats of which only the sign bit counts (set: 1), so that a bit applies to an LLR
by exclusive or.
"""

import numpy as np

from .simd import add, fill, flipped, lesser, load, magnitude, store, sub, with_sign
from .trellis_rows import inlined, rows_from_frames
from .vector_math import log1p_exp, maximum, minimum

ZERO, ONE = np.float32(0.0), np.float32(-0.0)
"""The two bits."""
LIMIT = np.float32(30.0)
"""Largest |LLR| of the channel and into a check node, as in Sionna."""


@inlined
def clipped(x, like):
    """LLRs within ±30."""
    return minimum(maximum(x, fill(like, -LIMIT)), fill(like, LIMIT))


@inlined
def check_node(x, y, like):
    """f(x, y) = sign(x y) min(|x|, |y|) + log(1 + exp(-|x + y|)) - log(1 + exp(-|x - y|))."""
    x, y = clipped(x, like), clipped(y, like)
    peak = with_sign(lesser(magnitude(x), magnitude(y)), flipped(x, y))
    return add(peak, sub(log1p_exp(add(x, y)), log1p_exp(sub(x, y))))


@inlined
def variable_node(x, y, bit):
    """g(x, y, u) = y + (1 - 2u) x."""
    return add(y, flipped(x, bit))


@inlined
def cost_of_zero(x, like):
    """log(1 + exp(-x)): what deciding 0 against this LLR adds to a path's metric."""
    return add(maximum(sub(fill(like, ZERO), x), fill(like, ZERO)), log1p_exp(x))


@inlined
def load_channel(frames, first, layout, llr, at, square, spare, tail):
    """Fill n rows from ``at`` on with the LLRs of the frames from ``first`` on; return False if a value is NaN.

    Args:
        layout: (targets [n_received]: row, from ``at`` on, that each received value adds to; base [n]: what it starts from).
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
