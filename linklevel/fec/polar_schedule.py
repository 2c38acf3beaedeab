"""The order of operations in successive cancellation decoding of a polar code, with fast nodes.

The decoding tree is walked depth first. A node of stage s holds 2^s LLRs and, when done, 2^s bits. Three kinds of
subtrees are decided at once (Alamdari-Yazdi & Kschischang 2011; Hashemi, Condo, Gross 2017): all bits frozen (`RATE0`),
all but the last one frozen (`REPETITION`), none frozen (`RATE1`). These are the nodes of Sionna's list decoder.
"""

import numpy as np

CHECK, VARIABLE, COMBINE, RATE0, REPETITION, RATE1 = range(6)
"""Operations: LLRs of the left child; of the right child, given the bits of the left; bits of a node from its children;
the three fast nodes (single leaves among them)."""


def schedule(frozen: np.ndarray) -> np.ndarray:
    """Return the operations [num_operations, 3], int64: (operation, stage of the node, 1 if it is a right child).

    Args:
        frozen: [n], bool; n a power of two.

    Example:
        >>> schedule(np.array([True, True, True, False])).tolist()
        [[4, 2, 0]]
    """
    operations: list[tuple[int, int, int]] = []

    def visit(stage: int, offset: int) -> None:
        side, part = (offset >> stage) & 1, frozen[offset : offset + (1 << stage)]
        if part.all():
            operations.append((RATE0, stage, side))
        elif not part.any():
            operations.append((RATE1, stage, side))
        elif part[:-1].all():
            operations.append((REPETITION, stage, side))
        else:
            operations.append((CHECK, stage, side))
            visit(stage - 1, offset)
            operations.append((VARIABLE, stage, side))
            visit(stage - 1, offset + (1 << (stage - 1)))
            operations.append((COMBINE, stage, side))

    visit(int(frozen.size).bit_length() - 1, 0)
    return np.array(operations, dtype=np.int64)


def transform(words: np.ndarray) -> np.ndarray:
    """Polar transform over GF(2) of the bits in ``words`` [n], integers: x = u G, its own inverse (Arikan 2009).

    Example:
        >>> transform(np.array([0, 0, 0, 1])).tolist()
        [1, 1, 1, 1]
    """
    result = words.copy()
    step = 1
    while step < result.size:
        pairs = result.reshape(-1, 2, step)
        pairs[:, 0] ^= pairs[:, 1]
        step *= 2
    return result


def transpose_transform(words: np.ndarray) -> np.ndarray:
    """Transform by the transpose of G: what a check on the bits u becomes as a check on the codeword x = u G."""
    return transform(words[::-1])[::-1].copy()
