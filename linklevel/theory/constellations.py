"""Unit-energy PAM levels, their Gray labels, and which constellations theory covers."""

import numpy as np
from numpy.typing import NDArray

from ..validation import check_choice, check_range

MAX_BITS = {"qam": 8, "psk": 6, "pam": 8}
"""Largest number of bits per symbol of each constellation type; QAM must be square (even)."""


def check_constellation(constellation_type: str, num_bits_per_symbol: int) -> None:
    """Check that theory covers a constellation.

    Raises:
        ValueError: names the type or the size and what is allowed.
    """
    check_choice("constellation_type", constellation_type, MAX_BITS)
    largest = MAX_BITS[constellation_type]
    if constellation_type == "qam":
        check_choice("num_bits_per_symbol", num_bits_per_symbol, range(2, largest + 1, 2))
    else:
        check_range("num_bits_per_symbol", num_bits_per_symbol, 1, largest, integer=True)


def gray_bits(num_bits: int) -> NDArray[np.int64]:
    """Return the binary-reflected Gray labels of 2**num_bits neighbours, first bit first.

    Returns:
        [2**num_bits, num_bits], int64 of 0 and 1.

    Example:
        >>> gray_bits(2).tolist()
        [[0, 0], [0, 1], [1, 1], [1, 0]]
    """
    index = np.arange(2**num_bits)
    code = index ^ (index >> 1)
    return (code[:, None] >> np.arange(num_bits - 1, -1, -1)) & 1


def pam_levels(num_bits: int) -> NDArray[np.float64]:
    """Return the 2**num_bits equally spaced levels of mean energy 1, ascending.

    Example:
        >>> pam_levels(1).tolist()
        [-1.0, 1.0]
    """
    size = 2**num_bits
    levels = np.arange(1.0 - size, size, 2.0)
    return levels / np.sqrt((size**2 - 1) / 3.0)
