"""Iterations of a Turbo decoder over one group of frames.

Rows of the group: the systematic values S (information bits, then the tail bits of encoder 1 and of encoder 2), then
for each encoder one pair per trellis step: information bit (its systematic value plus the other decoder's extrinsic
value) and parity bit. The second decoder visits S in the order of the interleaver, so nothing is ever moved.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .bcjr_log import soft_output_log
from .bcjr_probability import soft_output_probability
from .numba_setup import kernel
from .simd import add, fill, flipped, load, negative_lanes, store
from .trellis_rows import clear, frames_from_rows, rows_from_frames, spliced
from .vector_math import exponential, maximum, minimum, sixteenths


@spliced
def _clipped(x: Any, limit: float, like: np.ndarray) -> Any:
    bound = like.dtype.type(limit)
    return minimum(maximum(x, fill(like, like.dtype.type(-bound))), fill(like, bound))


@spliced
def _keep(x: Any, limit: float, like: np.ndarray) -> Any:
    return x


@spliced
def _as_likelihood(x: Any, limit: float, like: np.ndarray) -> Any:
    return exponential(_clipped(x, limit, like))


@spliced
def _half_iteration(
    convert: Callable[..., Any], soft_output: Callable[..., Any], rows: np.ndarray, pairs: int, order: np.ndarray,
    num_info: int, code: tuple, plan: tuple, extrinsic_plan: tuple, extrinsic: np.ndarray, posterior: np.ndarray,
    found: np.ndarray, work: np.ndarray,
) -> int:  # fmt: skip
    """Run one component decoder; returns the lanes in which a decision differs from the other decoder's last one."""
    terminated, exact, limit = plan
    factor, bound = extrinsic_plan
    for t in range(order.shape[0]):
        x = add(load(rows, order[t]), load(extrinsic, order[t]))
        store(rows, pairs + 2 * t, convert(x, limit, rows))
    soft_output(rows, pairs, order.shape[0], code, terminated, exact, found, work)
    scale = fill(rows, rows.dtype.type(factor))
    changed = negative_lanes(fill(rows, rows.dtype.type(0)))
    for t in range(num_info):
        x = add(load(rows, order[t]), load(extrinsic, order[t]))
        value = load(found, t)
        full = add(x, value)
        changed |= negative_lanes(flipped(full, load(posterior, order[t])))
        store(posterior, order[t], full)
        store(extrinsic, order[t], sixteenths(_clipped(value, bound, rows), scale))
    return changed


@spliced
def _decode(
    convert: Callable[..., Any], soft_output: Callable[..., Any], frames: np.ndarray, first: int, layout: tuple,
    code: tuple, plan: tuple, output: tuple, buffers: tuple,
) -> bool:  # fmt: skip
    targets, orders, num_info = layout
    num_iter, early_stop, channel, component, extrinsic_plan = plan
    frames_out, out_scale = output
    rows, extrinsic, posterior, found, work, square, spare, tail = buffers
    clear(rows)
    clear(extrinsic)
    if not rows_from_frames(frames, first, targets, channel[0], channel[1], rows, square, spare, tail):
        return False
    num_systematic, num_steps = extrinsic.shape[0], orders.shape[1]
    missing = max(0, rows.shape[1] - (frames.shape[0] - first))
    present = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - rows.shape[1] + missing)
    for i in range(2 * num_steps):
        row = num_systematic + 2 * i + 1
        store(rows, row, convert(load(rows, row), component[2], rows))
    for _ in range(num_iter):
        for part in range(2):
            changed = _half_iteration(
                convert, soft_output, rows, num_systematic + part * 2 * num_steps, orders[part], num_info, code,
                component, extrinsic_plan, extrinsic, posterior, found, work,
            )  # fmt: skip
        if early_stop and changed & present == 0:
            break
    frames_from_rows(posterior, num_info, out_scale, first, frames_out, square, spare)
    return True


@spliced
def _log(
    bits: np.ndarray, first: int, num_steps: int, code: tuple, terminated: bool, exact: bool, extrinsic: np.ndarray,
    work: np.ndarray,
) -> None:  # fmt: skip
    soft_output_log(bits, first, 2, num_steps, code, terminated, exact, extrinsic, work)


@spliced
def _probability(
    bits: np.ndarray, first: int, num_steps: int, code: tuple, terminated: bool, exact: bool, extrinsic: np.ndarray,
    work: np.ndarray,
) -> None:  # fmt: skip
    soft_output_probability(bits, first, 2, num_steps, code, terminated, extrinsic, work)


@kernel
def decode_log(
    frames: np.ndarray, first: int, layout: tuple, code: tuple, plan: tuple, output: tuple, buffers: tuple
) -> bool:
    """Decode one group of frames in the logarithmic domain; return False if an LLR is NaN.

    Args:
        frames: [num_frames, n], float32, LLRs.
        first: first frame of the group.
        layout: (targets [n]: row of each codeword position; orders [2, num_steps]: systematic row of each step of the
            two decoders; num_info).
        code: (symbols, inputs), see `TrellisTables`.
        plan: (num_iter, early_stop, (channel scale, channel limit), (terminated, exact, limit of a bit), (factor,
            limit) of the extrinsic values).
        output: (frames_out [num_frames, num_info], float32, written; scale of its LLRs, 0 for bits).
        buffers: see `scratch`.
    """
    return _decode(_keep, _log, frames, first, layout, code, plan, output, buffers)


@kernel
def decode_probability(
    frames: np.ndarray, first: int, layout: tuple, code: tuple, plan: tuple, output: tuple, buffers: tuple
) -> bool:
    """The same on probabilities."""
    return _decode(_as_likelihood, _probability, frames, first, layout, code, plan, output, buffers)
