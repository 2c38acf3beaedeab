"""Successive cancellation list decoding of polar codes: one path per SIMD lane.

Until the first fork a frame has one path, so the schedule starts with one frame per lane (`_begin`). From then on
the 16 lanes of a row hold 16/L frames with L paths each (L <= 16), or half of the 32 paths of one frame; an element
then takes two rows ("parts"). When paths are cloned and dropped nothing is moved: each stage keeps the lane that every
path's values lie in, and values that are read again are fetched through it. That also spreads the values from before
the fork.

Path metrics and node updates are exact (Tal & Vardy 2015; Balatsoukas-Stimming, Parizi, Burg 2015); deciding u against
an LLR costs log(1 + exp(-(1 - 2u) L)).
"""

import numpy as np

from .numba_setup import kernel
from .polar_fork import fetched, fork
from .polar_nodes import ONE, ZERO, check_node, cost_of_zero, load_channel, variable_node
from .polar_schedule import CHECK, COMBINE, RATE0, RATE1, REPETITION, VARIABLE
from .simd import add, fill, flipped, load, magnitude, store
from .trellis_rows import spliced
from .vector_math import log1p_exp, maximum, minimum, toggled, where_equals, where_less

_LANES = 16


@spliced
def _bits_row(stage: int, side: int, parts: int) -> int:
    """First row of the bits of the left or right node of a stage."""
    return ((2 << stage) - 2 + (side << stage)) * parts


@spliced
def _own(stage: int, parts: int, n: int) -> int:
    """First row of the LLRs of a stage; the 2n - 1 rows before hold what all paths of a frame share."""
    return 2 * n - 1 + ((1 << stage) - 1) * parts


@spliced
def _settle(index: np.ndarray, table: int, stage: int, num_stages: int, parts: int) -> None:
    """Note that the LLRs (table 0) or left bits (table 1) of a stage lie in the lanes of their own paths."""
    own = 2 * num_stages * parts
    for part in range(parts):
        store(index, (table * num_stages + stage) * parts + part, load(index, own + part))


@kernel
def _begin(operations: np.ndarray, n: int, llr: np.ndarray, metric: np.ndarray) -> int:
    """Run the schedule, one frame per lane, up to the first fork; return the operations done. All bits so far are 0."""
    zero = fill(llr, ZERO)
    store(metric, 0, zero)
    for step in range(operations.shape[0]):
        operation, stage = operations[step, 0], operations[step, 1]
        source, half = (1 << stage) - 1, 1 << max(stage - 1, 0)
        if operation in (REPETITION, RATE1):
            return step
        for i in range(1 << stage if operation == RATE0 else half):
            x = load(llr, source + i)
            if operation == RATE0:
                store(metric, 0, add(load(metric, 0), cost_of_zero(x, llr)))
            elif operation == CHECK:
                store(llr, half - 1 + i, check_node(x, load(llr, source + half + i), llr))
            else:
                store(llr, half - 1 + i, variable_node(x, load(llr, source + half + i), zero))
    return operations.shape[0]


@kernel
def _spread(
    step: int, operations: np.ndarray, n: int, vector: int, list_size: int, state: tuple, metric: np.ndarray
) -> None:
    """Give each lane its frame's values at the first fork; only the first path of a frame is alive."""
    llr, bits, metrics, index, places, _ = state
    parts = metrics.shape[0] // 3
    num_stages = operations[0, 1] + 1
    frames = _LANES // min(list_size, _LANES)
    for part in range(parts):
        for lane in range(_LANES):
            index[(2 * num_stages + 1) * parts + part, lane] = vector * frames + (lane // list_size)
        for s in range(num_stages):
            store(index, s * parts + part, load(index, (2 * num_stages + 1) * parts + part))
    for s in range(num_stages):
        places[s, 0], places[s, 1] = (1 << s) - 1, 1
    first = operations[step, 1]
    for i in range(1 << first):
        for part in range(parts):
            value = fetched(llr, (1 << first) - 1 + i, index, first * parts, part, 1)
            store(llr, _own(first, parts, n) + i * parts + part, value)
    _settle(index, 0, first, num_stages, parts)
    zero = fill(bits, ZERO)
    for s in range(first, num_stages - 1):
        for i in range(parts << s):
            store(bits, _bits_row(s, 0, parts) + i, zero)
        _settle(index, 1, s, num_stages, parts)
    dead = np.float32(np.inf)
    for part in range(parts):
        for lane in range(_LANES):
            alive = (part * _LANES + lane) % list_size == 0
            metrics[2 * parts + part, lane] = metric[0, vector * frames + lane // list_size] if alive else dead


@kernel
def _left(
    llr: np.ndarray, index: np.ndarray, places: np.ndarray, num_stages: int, stage: int, parts: int, n: int
) -> None:
    half = parts << (stage - 1)
    source, target = _own(stage, parts, n), _own(stage - 1, parts, n)
    for row in range(half):
        store(llr, target + row, check_node(load(llr, source + row), load(llr, source + half + row), llr))
    _settle(index, 0, stage - 1, num_stages, parts)
    places[stage - 1, 0], places[stage - 1, 1] = target, parts


@kernel
def _right(
    llr: np.ndarray, bits: np.ndarray, index: np.ndarray, places: np.ndarray, num_stages: int, stage: int,
    parts: int, n: int,
) -> None:  # fmt: skip
    half = 1 << (stage - 1)
    source, stride, target = places[stage, 0], places[stage, 1], _own(stage - 1, parts, n)
    decided = _bits_row(stage - 1, 0, parts)
    for i in range(half):
        for part in range(parts):
            x = fetched(llr, source + i * stride, index, stage * parts, part, stride)
            y = fetched(llr, source + (half + i) * stride, index, stage * parts, part, stride)
            row = i * parts + part
            store(llr, target + row, variable_node(x, y, load(bits, decided + row)))
    _settle(index, 0, stage - 1, num_stages, parts)
    places[stage - 1, 0], places[stage - 1, 1] = target, parts


@kernel
def _combine(bits: np.ndarray, index: np.ndarray, num_stages: int, stage: int, side: int, parts: int) -> None:
    half = 1 << (stage - 1)
    left, right = _bits_row(stage - 1, 0, parts), _bits_row(stage - 1, 1, parts)
    target = _bits_row(stage, side, parts)
    for i in range(half):
        for part in range(parts):
            x = fetched(bits, left + i * parts, index, (num_stages + stage - 1) * parts, part, parts)
            y = load(bits, right + i * parts + part)
            store(bits, target + i * parts + part, flipped(x, y))
            store(bits, target + (half + i) * parts + part, y)


@kernel
def _rate0(
    llr: np.ndarray, bits: np.ndarray, metrics: np.ndarray, source: int, target: int, size: int, parts: int
) -> None:
    for part in range(parts):
        metric = load(metrics, 2 * parts + part)
        for row in range(part, size * parts, parts):
            metric = add(metric, cost_of_zero(load(llr, source + row), llr))
            store(bits, target + row, fill(bits, ZERO))
        store(metrics, 2 * parts + part, metric)


@kernel
def _repetition(
    llr: np.ndarray, bits: np.ndarray, metrics: np.ndarray, index: np.ndarray, choice: tuple, tables: tuple,
    num_stages: int, stage: int, source: int, target: int, list_size: int,
) -> None:  # fmt: skip
    parts = metrics.shape[0] // 3
    zero = fill(llr, ZERO)
    for part in range(parts):
        if_zero = load(metrics, 2 * parts + part)
        if_one = if_zero
        for row in range(part, parts << stage, parts):
            x = load(llr, source + row)
            both = log1p_exp(x)
            if_zero = add(if_zero, maximum(flipped(x, fill(llr, ONE)), zero))
            if_one = add(if_one, maximum(x, zero))
            if_zero, if_one = add(if_zero, both), add(if_one, both)
        store(metrics, part, if_zero)
        store(metrics, parts + part, if_one)
    fork(metrics, index, choice, tables, num_stages, stage, list_size)
    chosen = choice[3]
    for part in range(parts):
        bit = where_equals(load(chosen, part), fill(chosen, np.int32(0)), zero, fill(llr, ONE))
        for row in range(part, parts << stage, parts):
            store(bits, target + row, bit)


@kernel
def _rate1(
    llr: np.ndarray, bits: np.ndarray, metrics: np.ndarray, index: np.ndarray, choice: tuple, tables: tuple,
    num_stages: int, stage: int, source: int, target: int, list_size: int,
) -> None:  # fmt: skip
    """The second candidate has the least reliable bit flipped: one alternative a path, as in Sionna."""
    _, _, origin, chosen, weakest = choice
    parts = metrics.shape[0] // 3
    zero, one = fill(llr, ZERO), fill(llr, ONE)
    for part in range(parts):
        metric = load(metrics, 2 * parts + part)
        least, where = fill(llr, np.float32(np.inf)), fill(weakest, np.int32(0))
        for i in range(1 << stage):
            x = load(llr, source + i * parts + part)
            metric = add(metric, log1p_exp(x))
            size = magnitude(x)
            where = where_less(size, least, fill(weakest, np.int32(i)), where)
            least = minimum(size, least)
        store(metrics, part, metric)
        store(metrics, parts + part, add(metric, least))
        store(weakest, part, where)
    fork(metrics, index, choice, tables, num_stages, stage, list_size)
    for part in range(parts):
        where = fetched(weakest, 0, origin, 0, part, parts)
        where = where_equals(load(chosen, part), fill(chosen, np.int32(0)), fill(weakest, np.int32(-1)), where)
        for i in range(1 << stage):
            x = fetched(llr, source + i * parts, origin, 0, part, parts)
            flip = where_equals(where, fill(weakest, np.int32(i)), one, zero)
            store(bits, target + i * parts + part, flipped(where_less(x, zero, one, zero), flip))


@spliced
def _search(step: int, operations: np.ndarray, n: int, list_size: int, state: tuple, tables: tuple) -> None:
    """Run the schedule from the first fork on; the paths end with their codewords in the root's bits."""
    llr, bits, metrics, index, places, choice = state
    parts, num_stages = metrics.shape[0] // 3, operations[0, 1] + 1
    for now in range(step, operations.shape[0]):
        operation, stage, side = operations[now, 0], operations[now, 1], operations[now, 2]
        source, target = _own(stage, parts, n), _bits_row(stage, side, parts)
        if operation == CHECK:
            _left(llr, index, places, num_stages, stage, parts, n)
            continue
        if operation == VARIABLE:
            _right(llr, bits, index, places, num_stages, stage, parts, n)
            continue
        if operation == COMBINE:
            _combine(bits, index, num_stages, stage, side, parts)
        elif operation == RATE0:
            _rate0(llr, bits, metrics, source, target, 1 << stage, parts)
        elif operation == REPETITION:
            _repetition(llr, bits, metrics, index, choice, tables, num_stages, stage, source, target, list_size)
        else:
            _rate1(llr, bits, metrics, index, choice, tables, num_stages, stage, source, target, list_size)
        if side == 0:
            _settle(index, 1, stage, num_stages, parts)


@spliced
def _best(block: int, list_size: int, metrics: np.ndarray, syndromes: np.ndarray, penalty: float) -> int:
    """Lane of the frame's best path: least metric, after a penalty where the CRC fails."""
    parts = metrics.shape[0] // 3
    winner, least = block * list_size, np.float32(np.inf)
    for lane in range(block * list_size, (block + 1) * list_size):
        metric = metrics[2 * parts + (lane >> 4), lane & 15]
        if syndromes[lane >> 4, lane & 15] != 0:
            metric += penalty
        if metric < least:
            winner, least = lane, metric
    return winner


@spliced
def _pack(bits: np.ndarray, row: int, stride: int, lane: int, n: int, words: np.ndarray) -> None:
    """Collect the bits of one path, 64 a word."""
    for i in range(words.shape[0]):
        packed = np.uint64(0)
        for j in range(min(64, n)):
            one = np.signbit(bits[row + (64 * i + j) * stride, lane])
            packed |= np.uint64(one) << np.uint64(j)
        words[i] = packed


@spliced
def _untransform(words: np.ndarray, n: int) -> None:
    """From the codeword x to u = x G, in place: bit i takes bit i + step where i has no bit of step."""
    for stage in range(6):
        shift = np.uint64(1 << stage)
        lower = np.uint64(0xFFFFFFFFFFFFFFFF) // ((np.uint64(1) << shift) + np.uint64(1))
        if n >> (stage + 1) > 0:
            for i in range(words.shape[0]):
                words[i] ^= (words[i] >> shift) & lower
    step = 1
    while step < words.shape[0]:
        for start in range(0, words.shape[0], 2 * step):
            for i in range(start, start + step):
                words[i] ^= words[i + step]
        step *= 2


@kernel
def _finish(
    first: int, count: int, operations: np.ndarray, state: tuple, code: tuple, syndromes: np.ndarray,
    words: np.ndarray, output: tuple,
) -> None:  # fmt: skip
    """Choose the best path of each frame and write its bits."""
    _, bits, metrics, _, _, _ = state
    _, list_size, syndrome, penalty, info = code
    frames_out, passed = output
    parts, n = metrics.shape[0] // 3, syndrome.shape[0]
    root = _bits_row(operations[0, 1], 0, parts)
    for part in range(parts):
        parity = fill(syndromes, np.int32(0))
        for i in range(n):
            parity = toggled(parity, load(bits, root + i * parts + part), syndrome[i])
        store(syndromes, part, parity)
    for block in range(count):
        lane = _best(block, list_size, metrics, syndromes, penalty)
        passed[first + block] = syndromes[lane >> 4, lane & 15] == 0
        _pack(bits, root + (lane >> 4), parts, lane & 15, n, words)
        _untransform(words, n)
        for i in range(info.shape[0]):
            bit = (words[info[i] >> 6] >> np.uint64(info[i] & 63)) & np.uint64(1)
            frames_out[first + block, i] = np.float32(np.int64(bit))


@kernel
def decode_list(
    frames: np.ndarray, first: int, layout: tuple, code: tuple, tables: tuple, output: tuple, buffers: tuple
) -> bool:
    """Decode the 16 frames from ``first`` on; return False if an LLR is NaN.

    Args:
        frames: [num_frames, n_received], float32, log p(1)/p(0).
        first: int.
        layout: see `polar_nodes.load_channel`.
        code: (operations, see `polar_schedule`; list_size; syndrome [n], int32: CRC parity bits that codeword bit i
            takes part in; penalty of a failing CRC; info: positions of u to put out).
        tables: see `polar_fork`.
        output: (frames_out [num_frames, len(info)], float32; passed [num_frames], bool: CRC holds), written.
        buffers: see `polar.PolarSCLDecoder`.
    """
    operations, list_size, syndrome, _, _ = code
    state, metric, syndromes, words, square, spare, tail = buffers
    n = syndrome.shape[0]
    if not load_channel(frames, first, layout, state[0], n - 1, square, spare, tail):
        return False
    step = _begin(operations, n, state[0], metric)
    at_once = max(1, _LANES // list_size)
    present = min(_LANES, frames.shape[0] - first)
    for vector in range((present + at_once - 1) // at_once):
        _spread(step, operations, n, vector, list_size, state, metric)
        _search(step, operations, n, list_size, state, tables)
        count = min(at_once, present - vector * at_once)
        _finish(first + vector * at_once, count, operations, state, code, syndromes, words, output)
    return True
