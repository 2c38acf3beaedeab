"""Decode the frames of one LDPC code, a group at a time: one frame per SIMD lane, all lanes in step.

```
LLRs [frame, position] ─► transpose ─► totals [variable, lane] ─► iterations ─► hard bits ─► [frame, position]
                                             ▲        │
                                             └────────┘ until every lane satisfies every check
```

A lane's bits are kept from the iteration at which it first satisfies all checks, so a frame's result
never depends on the frames beside it. When only a few lanes are still at work the group is left; the
caller packs what was left over into new groups and starts them afresh, which costs less than dragging
empty lanes along.
"""

from typing import Any

import numpy as np

from .ldpc_check_nodes import minsum_pass, phi_pass, tanh_pass
from .ldpc_load import load_group
from .ldpc_work import Plan, Wiring, Workspace
from .numba_setup import inlined, kernel
from .simd import fill, load, negative_lanes, store

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_NONE = np.uint64(0)
_ONE = np.uint64(1)


@inlined
def failing_lanes(starts: np.ndarray, columns: np.ndarray, total: np.ndarray, hard: np.ndarray, ignored: int) -> int:
    """Pack the hard decisions into ``hard``; return the lanes that break a check or are ``ignored``.

    Checks are read only until every lane has failed one.
    """
    for row in range(total.shape[0]):
        hard[row] = negative_lanes(load(total, row))
    failing: Any = ignored
    for check in range(starts.size - 1):
        if failing == _ALL:
            break
        first, last = starts[check], starts[check + 1]
        parity = _ALL if (last - first) & 1 else _NONE
        for edge in range(first, last):
            parity ^= hard[columns[edge]]
        failing |= parity
    return failing


@inlined
def keep(hard: np.ndarray, outputs: np.ndarray, lanes: int, kept: np.ndarray) -> None:
    """Copy the hard decisions of ``lanes`` to ``kept``."""
    for i in range(outputs.size):
        kept[i] ^= (kept[i] ^ hard[outputs[i]]) & lanes


@inlined
def mark(lanes: int, frames: np.ndarray, iteration: int, iterations: np.ndarray) -> int:
    """Note the ``iteration`` of the frames in ``lanes``; return how many they are."""
    count = 0
    for lane in range(frames.size):
        if (lanes >> np.uint64(lane)) & _ONE:
            iterations[frames[lane]] = iteration
            count += 1
    return count


@inlined
def run_iteration(
    total: np.ndarray,
    spare: np.ndarray,
    wiring: Wiring,
    plan: Plan,
    rule: tuple,
    exact: tuple | None,
    work: Workspace,
) -> None:
    """Update all messages once; the new totals go to ``spare``, which is ``total`` when layered."""
    if plan.flooding:
        for row in range(total.shape[0]):
            store(spare, row, load(work.channel, row))
    if exact is None:
        minsum_pass(wiring, work, total, spare, rule, plan.flooding)
    elif exact[1]:
        phi_pass(wiring, work, total, spare, exact[0], plan.flooding)
    else:
        tanh_pass(wiring, work, total, spare, exact[0], plan.flooding)


@inlined
def iterate(
    frames: np.ndarray,
    wiring: Wiring,
    plan: Plan,
    rule: tuple,
    exact: tuple | None,
    work: Workspace,
    iterations: np.ndarray,
) -> np.ndarray:
    """Run the iterations of one group; return the array that holds the totals.

    ``iterations`` receives each frame's number of iterations, or -1 for a frame that was left undone.
    """
    total, spare = work.total, work.spare if plan.flooding else work.total
    left = frames.size
    done = _NONE if left == 64 else _ALL << np.uint64(left)
    iteration = 0
    while iteration < plan.num_iter and left > plan.leave_below:
        run_iteration(total, spare, wiring, plan, rule, exact, work)
        total, spare = spare, total
        iteration += 1
        if plan.hard_out:
            ready = ~failing_lanes(wiring.starts, wiring.columns, total, work.hard, done)
            if ready != _NONE:
                keep(work.hard, wiring.outputs, ready, work.kept)
                left -= mark(ready, frames, iteration, iterations)
                done |= ready
    finished = iteration == plan.num_iter
    mark(~done, frames, iteration if finished else -1, iterations)
    if finished and plan.hard_out:
        failing_lanes(wiring.starts, wiring.columns, total, work.hard, _ALL)
        keep(work.hard, wiring.outputs, ~done, work.kept)
    return total


@inlined
def write_out(
    frames: np.ndarray,
    outputs: np.ndarray,
    plan: Plan,
    total: np.ndarray,
    kept: np.ndarray,
    out: np.ndarray,
    iterations: np.ndarray,
) -> None:
    """Write the bits or LLRs of the frames that are done."""
    for lane in range(frames.size):
        row, shift = out[frames[lane]], np.uint64(lane)
        if not plan.hard_out:
            for i in range(outputs.size):
                value = np.float32(total[outputs[i], lane])
                row[i] = min(max(value, -plan.bound), plan.bound) / plan.step
        elif iterations[frames[lane]] >= 0:
            for i in range(outputs.size):
                row[i] = np.float32(np.int32(_ONE & ~(kept[i] >> shift)))


@inlined
def decode_group(
    llr: np.ndarray,
    frames: np.ndarray,
    wiring: Wiring,
    plan: Plan,
    rule: tuple,
    exact: tuple | None,
    work: Workspace,
    out: np.ndarray,
    iterations: np.ndarray,
) -> bool:
    """Decode up to ``lanes`` frames; see `decode_frames`."""
    nan = load_group(llr, frames, wiring.inputs, plan, work)
    zero = fill(work.messages, work.messages.dtype.type(0))
    for edge in range(work.messages.shape[0]):
        store(work.messages, edge, zero)
    if plan.flooding:
        for row in range(work.total.shape[0]):
            store(work.channel, row, load(work.total, row))
    total = iterate(frames, wiring, plan, rule, exact, work, iterations)
    write_out(frames, wiring.outputs, plan, total, work.kept, out, iterations)
    return nan


@kernel
def decode_frames(
    llr: np.ndarray,
    frames: np.ndarray,
    wiring: Wiring,
    plan: Plan,
    rule: tuple,
    exact: tuple | None,
    work: Workspace,
    out: np.ndarray,
    iterations: np.ndarray,
) -> bool:
    """Decode any number of frames, group after group.

    Args:
        llr: [num_frames, num_inputs], float32. All frames' LLRs, log p(1)/p(0); ±inf is a known bit.
        frames: [any], int64. Indices of the frames to decode.
        wiring: the code.
        plan: the schedule and levels.
        rule: of `minsum_pass`.
        exact: `None` for min-sum, else (bound, whether by sums of φ) of `phi_pass` or `tanh_pass`.
        work: scratch.
        out: [num_frames, num_outputs], float32. Receives bits 0/1 or LLRs.
        iterations: [num_frames], int32. Receives the number of iterations, -1 where the frame was left
            undone.

    Returns:
        Whether an LLR was NaN.
    """
    lanes = work.total.shape[1]
    nan = False
    for begin in range(0, frames.size, lanes):
        group = frames[begin : begin + lanes]
        nan |= decode_group(llr, group, wiring, plan, rule, exact, work, out, iterations)
    return nan
