"""Pseudo-random sequences that make what is sent look random."""

from functools import lru_cache

import numpy as np
import torch

from .validation import check_range

REGISTER = 31
DISCARDED = 1600


@lru_cache(maxsize=16)
def gold_sequence(length: int, c_init: int) -> torch.Tensor:
    r"""Return the Gold sequence of TS 38.211 clause 5.2.1.

    .. math::
        c(n) = x_1(n + 1600) \oplus x_2(n + 1600), \quad
        x_1(n + 31) = x_1(n + 3) \oplus x_1(n), \quad
        x_2(n + 31) = x_2(n + 3) \oplus x_2(n + 2) \oplus x_2(n + 1) \oplus x_2(n)

    with :math:`x_1` started at 1 and :math:`x_2` at ``c_init``.

    Args:
        length: at least 1.
        c_init: start of the second register, in [0, 2**31 - 1].

    Returns:
        [length], torch.float32 of 0 and 1.

    Example:
        >>> gold_sequence(8, 1).tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    """
    check_range("length", length, 1, integer=True)
    check_range("c_init", c_init, 0, 2**REGISTER - 1, integer=True)
    x1 = np.zeros(length + DISCARDED + 2 * REGISTER, dtype=np.uint8)
    x2 = np.zeros_like(x1)
    x1[0] = 1
    x2[:REGISTER] = (c_init >> np.arange(REGISTER)) & 1
    step = REGISTER - 3  # so many new bits depend on old ones only
    for n in range(0, length + DISCARDED, step):
        x1[n + REGISTER : n + REGISTER + step] = x1[n + 3 : n + 3 + step] ^ x1[n : n + step]
        x2[n + REGISTER : n + REGISTER + step] = (
            x2[n + 3 : n + 3 + step] ^ x2[n + 2 : n + 2 + step] ^ x2[n + 1 : n + 1 + step] ^ x2[n : n + step]
        )
    sequence = (x1 ^ x2)[DISCARDED : DISCARDED + length]
    return torch.from_numpy(sequence.astype(np.float32))
