"""Kernels of the square-QAM mapper and demapper.

A square QAM with Gray labels is two independent PAMs: even bits label the real part, odd bits the imaginary part
(3GPP TS 38.211, 5.1). So received symbols are taken as a stream of real values, real and imaginary parts in turn, 16 to
a vector.
"""

from typing import Any

import numpy as np

from .numba_setup import kernel
from .simd import fill, load, store, sub
from .trellis_rows import spliced
from .vector_math import log_sum, maximum, multiply

_SYMBOLS = 8  # a vector
_LOWEST = np.float32(-1e30)  # exponents below it stand for it, so that no noise gives no NaN


@spliced
def _log_likelihoods(values: np.ndarray, inverse: np.ndarray, levels: np.ndarray, exponents: np.ndarray) -> None:
    """Rows of ``exponents``: -(y - a)² / no for every level a."""
    y, scale, lowest = load(values, 0), load(inverse, 0), fill(values, _LOWEST)
    for label in range(levels.shape[0]):
        distance = sub(y, fill(values, levels[label]))
        square = multiply(multiply(distance, distance), scale)
        store(exponents, label, maximum(sub(fill(values, np.float32(0.0)), square), lowest))


@spliced
def _bit_llr(exponents: np.ndarray, num_levels: int, step: int, exact: bool) -> Any:
    """LLR of the bit that has the weight ``step`` in the label."""
    zero, one = load(exponents, 0), load(exponents, step)
    for label in range(1, num_levels):
        if label & step == 0:
            zero = log_sum(zero, load(exponents, label), exact)
        elif label != step:
            one = log_sum(one, load(exponents, label), exact)
    return sub(one, zero)


@kernel
def demap_square_qam(
    symbols: np.ndarray, no: np.ndarray, begin: int, end: int, levels: np.ndarray, exact: bool, llr: np.ndarray,
    buffers: tuple,
) -> None:  # fmt: skip
    """Demap symbols ``begin`` … ``end - 1``.

    Args:
        symbols: [num_symbols], complex64.
        no: [num_symbols] or [1], float32: positive noise variances.
        begin: first symbol.
        end: one past the last.
        levels: [2^h], float32: PAM level of each label.
        exact: bool: log(sum(exp)) rather than the maximum.
        llr: [num_symbols, h], complex64, written: the LLRs of two bits, real and imaginary axis.
        buffers: (values, inverse [1, 16]; exponents [2^h, 16]; found [h, 16]), float32.
    """
    values, inverse, exponents, found = buffers
    num_levels, num_bits = levels.shape[0], found.shape[0]
    for first in range(begin, end, _SYMBOLS):
        count = min(_SYMBOLS, end - first)
        for i in range(count):
            y, scale = symbols[first + i], np.float32(1.0) / no[(first + i) if no.shape[0] > 1 else 0]
            values[0, 2 * i], values[0, 2 * i + 1] = y.real, y.imag
            inverse[0, 2 * i], inverse[0, 2 * i + 1] = scale, scale
        _log_likelihoods(values, inverse, levels, exponents)
        for bit in range(num_bits):
            store(found, bit, _bit_llr(exponents, num_levels, 1 << (num_bits - 1 - bit), exact))
        for i in range(count):
            for bit in range(num_bits):
                llr[first + i, bit] = complex(found[bit, 2 * i], found[bit, 2 * i + 1])


@kernel
def map_bits(
    bits: np.ndarray, points: np.ndarray, begin: int, end: int, symbols: np.ndarray, labels: np.ndarray
) -> bool:
    """Look up the constellation points of symbols ``begin`` … ``end - 1``; return False if a bit is neither 0 nor 1.

    Args:
        bits: [num_symbols, num_bits], float32.
        points: [2^num_bits], complex64.
        begin: first symbol.
        end: one past the last.
        symbols: [num_symbols], complex64, written.
        labels: [num_symbols], int32, written.
    """
    good = True
    for i in range(begin, end):
        label = 0
        for j in range(bits.shape[1]):
            bit = bits[i, j]
            good &= bit * bit == bit
            label = 2 * label + (1 if bit == 1 else 0)
        labels[i] = label
        symbols[i] = points[label]
    return good
