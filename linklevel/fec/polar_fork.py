"""List management of polar list decoding: ranking the candidates and following the paths that survive.

Every path offers two candidates. The L best of a frame's 2L are found by counting, for each, how many are better:
vectors compare 16 candidates with one rival at a time. Metrics are positive, so their bits order like integers, and
adding 1 to the bits of a later candidate settles ties without a second comparison.
"""

from typing import Any

import numpy as np

from .numba_setup import aligned_empty, kernel
from .simd import fill, load, store
from .trellis_rows import spliced
from .vector_math import bits_of, counted, permuted, where_equals, where_less, wrapping_add

_LANES = 16


def fork_tables(list_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Constants of `fork`, int32.

    Returns:
        rivals [L, 16]: lane of each frame's r-th path, in the lanes of that frame; later [L * parts, 16]: 1 where a
        path comes after the r-th.
    """
    parts = max(1, list_size // _LANES)
    rivals, later = aligned_empty((list_size, _LANES), np.int32), aligned_empty((list_size * parts, _LANES), np.int32)
    lane = np.arange(parts * _LANES)
    for r in range(list_size):
        rivals[r] = (lane[:_LANES] // list_size * list_size + r) % _LANES
        later[r * parts : (r + 1) * parts] = (lane % list_size > r).reshape(parts, _LANES)
    return rivals, later


@spliced
def fetched(rows: np.ndarray, base: int, index: np.ndarray, at: int, part: int, parts: int) -> Any:
    """Row ``part`` of the element at ``base``: in each lane, the value from the lane that ``index`` names."""
    order = load(index, at + part)
    value = permuted(load(rows, base), order)
    for other in range(1, parts):
        before = fill(index, np.int32(other * _LANES - 1))
        value = where_less(before, order, permuted(load(rows, base + other), order), value)
    return value


@spliced
def _rank(metrics: np.ndarray, ranks: np.ndarray, tables: tuple, parts: int, list_size: int) -> None:
    """For each candidate, the number of better ones of its frame; a tie goes to the earlier one."""
    rivals, later = tables
    one = fill(ranks, np.int32(1))
    for row in range(2 * parts):
        store(ranks, row, fill(ranks, np.int32(0)))
    for group in range(2):
        for r in range(list_size):
            rival = permuted(bits_of(load(metrics, group * parts + r // _LANES)), load(rivals, r))
            for part in range(parts):
                first, second = bits_of(load(metrics, part)), bits_of(load(metrics, parts + part))
                after = load(later, r * parts + part)
                if group == 0:
                    first, second = wrapping_add(first, after), wrapping_add(second, one)
                else:
                    second = wrapping_add(second, after)
                store(ranks, part, counted(load(ranks, part), rival, first))
                store(ranks, parts + part, counted(load(ranks, parts + part), rival, second))


@spliced
def _select(
    ranks: np.ndarray, order: np.ndarray, source: np.ndarray, chosen: np.ndarray, parts: int, list_size: int
) -> None:
    """From the ranks, the lane that each surviving path comes from and which of its candidates it is."""
    for block in range(0, parts * _LANES, list_size):
        first = 2 * block
        for group in range(2):
            for path in range(list_size):
                lane = block + path
                rank = ranks[group * parts + (lane >> 4), lane & 15]
                order[first + rank] = group * list_size + path
        for path in range(list_size):
            candidate = order[first + path]
            second = 1 if candidate >= list_size else 0
            lane = block + path
            source[lane >> 4, lane & 15] = block + candidate - second * list_size
            chosen[lane >> 4, lane & 15] = second


@kernel
def fork(
    metrics: np.ndarray, index: np.ndarray, choice: tuple, tables: tuple, num_stages: int, stage: int,
    list_size: int,
) -> None:  # fmt: skip
    """Keep the best L of the 2L candidates of every frame and let all stages follow.

    Args:
        metrics: [3 * parts, 16], float32: of the first and of the second candidates, read; of the survivors, written.
        index: [(2 num_stages + 2) * parts, 16], int32: the lanes in which the LLRs, then the left bits of each stage
            lie, updated; own lanes; scratch.
        choice: (ranks [2 * parts, 16], order [32 * parts], source [parts, 16]: lanes the survivors come from, chosen
            [parts, 16]: 0 or 1, their candidate, …), int32, written.
        tables: `fork_tables`.
        num_stages: stages of the tree.
        stage: of the node that forks; lower ones are not in use.
        list_size: L.
    """
    ranks, order, source, chosen = choice[:4]
    parts = source.shape[0]
    _rank(metrics, ranks, tables, parts, list_size)
    _select(ranks, order, source, chosen, parts, list_size)
    for part in range(parts):
        first = fetched(metrics, 0, source, 0, part, parts)
        second = fetched(metrics, parts, source, 0, part, parts)
        is_first = load(chosen, part)
        store(metrics, 2 * parts + part, where_equals(is_first, fill(chosen, np.int32(0)), first, second))
    spare = (2 * num_stages + 1) * parts
    for table in range(2):
        for s in range(stage, num_stages):
            base = (table * num_stages + s) * parts
            for part in range(parts):
                store(index, spare + part, fetched(index, base, source, 0, part, parts))
            for part in range(parts):
                store(index, base + part, load(index, spare + part))
