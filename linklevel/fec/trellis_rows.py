"""Moving frames in and out of rows: one row per position of a codeword, one lane per frame.

Squares of one vector per frame are transposed in registers, which costs a fraction of a cycle per value.
"""

import numba
import numpy as np

from .ldpc_load import transpose
from .numba_setup import kernel
from .simd import add, any_nan, fill, load, load_quantised, store

spliced = numba.njit(inline="always", nogil=True, error_model="numpy")
"""Decorator of a small helper whose source numba writes into every kernel that calls it.

Unlike `numba_setup.inlined` it is not compiled on its own first, which halves the compile time of kernels made of many
small helpers.
"""


@kernel
def rows_from_frames(
    frames: np.ndarray, first: int, targets: np.ndarray, scale: float, limit: float, rows: np.ndarray,
    square: np.ndarray, spare: np.ndarray, tail: np.ndarray,
) -> bool:  # fmt: skip
    """Add position p of frame ``first + lane`` to ``rows[targets[p], lane]``, scaled and clipped to ±``limit``.

    Integer rows are rounded to nearest. Lanes past the last frame get nothing.

    Args:
        frames: [num_frames, n], float32.
        first: frame of lane 0.
        targets: [n], int64.
        scale: float32.
        limit: float32; infinite values become ±limit.
        rows: [num_rows, lanes], float32 or int16, added to.
        square: [lanes, lanes], of the type of ``rows``, scratch.
        spare: the same.
        tail: [1, lanes], float32, scratch.

    Returns:
        False if a value is NaN.
    """
    lanes = rows.shape[1]
    num_positions = targets.shape[0]
    nan = False
    zero = fill(rows, rows.dtype.type(0))
    for begin in range(0, num_positions, lanes):
        count = min(lanes, num_positions - begin)
        for lane in range(lanes):
            frame = first + lane
            if frame >= frames.shape[0]:
                store(square, lane, zero)
            elif count == lanes:
                store(square, lane, load_quantised(frames, frame, begin, rows, scale, limit))
                nan |= any_nan(frames, frame, begin, rows)
            else:
                for i in range(lanes):
                    tail[0, i] = frames[frame, begin + i] if i < count else np.float32(0.0)
                store(square, lane, load_quantised(tail, 0, 0, rows, scale, limit))
                nan |= any_nan(tail, 0, 0, rows)
        ready = transpose(square, spare)
        for i in range(count):
            store(rows, targets[begin + i], add(load(rows, targets[begin + i]), load(ready, i)))
    return not nan


@spliced
def clear(rows: np.ndarray) -> None:
    """Set all rows to zero."""
    zero = fill(rows, rows.dtype.type(0))
    for row in range(rows.shape[0]):
        store(rows, row, zero)


@kernel
def frames_from_rows(
    rows: np.ndarray, num_rows: int, scale: float, first: int, frames: np.ndarray, square: np.ndarray,
    spare: np.ndarray,
) -> None:  # fmt: skip
    """Write ``rows[p, lane]`` times ``scale`` to ``frames[first + lane, p]``.

    With a ``scale`` of 0, 1.0 is written where the value is positive, else 0.0.

    Args:
        rows: [>= num_rows, lanes], float32 or int16.
        num_rows: int.
        scale: float32.
        first: frame of lane 0; lanes past the last frame are dropped.
        frames: [num_frames, >= num_rows], float32, written.
        square: [lanes, lanes], of the type of ``rows``, scratch.
        spare: the same.
    """
    lanes = rows.shape[1]
    present = min(lanes, frames.shape[0] - first)
    for begin in range(0, num_rows, lanes):
        count = min(lanes, num_rows - begin)
        for i in range(count):
            store(square, i, load(rows, begin + i))
        ready = transpose(square, spare)
        for lane in range(present):
            for i in range(count):
                value = ready[lane, i]
                if scale == 0:
                    frames[first + lane, begin + i] = np.float32(1.0) if value > 0 else np.float32(0.0)
                else:
                    frames[first + lane, begin + i] = value * scale
