"""BCJR decoding of one group of frames of a convolutional code.

Rows: at each step the prior LLR of the information bit, then the LLRs of the output bits; the code need not be
systematic.
"""

import numpy as np

from .bcjr_log import soft_output_log
from .bcjr_probability import soft_output_probability
from .numba_setup import kernel
from .simd import add, fill, load, store
from .trellis_rows import clear, frames_from_rows, rows_from_frames, spliced
from .vector_math import exponential, maximum, minimum


@spliced
def _load(frames: np.ndarray, priors: np.ndarray, first: int, layout: tuple, limit: float, buffers: tuple) -> bool:
    """Fill the rows and the priors; return False if a value is NaN."""
    targets, prior_targets, num_bits = layout
    rows, prior, _, _, square, spare, tail = buffers
    one, clip = np.float32(1.0), np.float32(limit)
    clear(rows)
    clear(prior)
    good = rows_from_frames(frames, first, targets, one, clip, rows, square, spare, tail)
    if priors.shape[0] > 0:
        good &= rows_from_frames(priors, first, prior_targets, one, np.float32(1e30), prior, square, spare, tail)
    bound, lowest = fill(rows, clip), fill(rows, -clip)
    for t in range(prior.shape[0]):
        store(rows, t * num_bits, minimum(maximum(load(prior, t), lowest), bound))
    return good


@spliced
def _finish(output: tuple, first: int, buffers: tuple) -> None:
    """Add the prior to the extrinsic values and write the frames."""
    frames_out, scale = output
    _, prior, found, _, square, spare, _ = buffers
    for t in range(frames_out.shape[1]):
        store(found, t, add(load(found, t), load(prior, t)))
    frames_from_rows(found, frames_out.shape[1], scale, first, frames_out, square, spare)


@kernel
def decode_bcjr_log(
    frames: np.ndarray, priors: np.ndarray, first: int, layout: tuple, code: tuple, plan: tuple, output: tuple,
    buffers: tuple,
) -> bool:  # fmt: skip
    """Decode in the logarithmic domain; return False if an LLR is NaN.

    Args:
        frames: [num_frames, n], float32, LLRs.
        priors: [num_frames, num_steps], float32, LLRs; no frames mean no prior.
        first: first frame of the group.
        layout: (targets [n]: row of each codeword position; prior_targets [num_steps], 0 … num_steps-1; bits of a step,
            the information bit included).
        code: (symbols, inputs), see `TrellisTables`.
        plan: (terminated, exact, largest |LLR| of a bit).
        output: (frames_out [num_frames, k], float32, written; 1 for LLRs, 0 for bits).
        buffers: (rows, prior, found, work, square, spare, tail).
    """
    terminated, exact, limit = plan
    rows, prior, found, work = buffers[:4]
    if not _load(frames, priors, first, layout, limit, buffers):
        return False
    soft_output_log(rows, 0, layout[2], prior.shape[0], code, terminated, exact, found, work)
    _finish(output, first, buffers)
    return True


@kernel
def decode_bcjr_probability(
    frames: np.ndarray, priors: np.ndarray, first: int, layout: tuple, code: tuple, plan: tuple, output: tuple,
    buffers: tuple,
) -> bool:  # fmt: skip
    """The same on probabilities."""
    terminated, _, limit = plan
    rows, prior, found, work = buffers[:4]
    if not _load(frames, priors, first, layout, limit, buffers):
        return False
    for row in range(prior.shape[0] * layout[2]):
        store(rows, row, exponential(load(rows, row)))
    soft_output_probability(rows, 0, layout[2], prior.shape[0], code, terminated, found, work)
    _finish(output, first, buffers)
    return True
