"""5G LDPC encoding of 64 frames at once: one 64 bit word per code bit, one frame per bit of the word."""

from typing import NamedTuple

import numpy as np

from .numba_setup import inlined, kernel

_ONE = np.uint64(1)
_BLOCK = 512  # words that stay in the nearest cache while 64 frames pass through them


class EncoderTables(NamedTuple):
    """The parity-check matrix as the encoder reads it.

    Attributes:
        starts: [num_cns + 1], uint32. First edge of each check.
        columns: [num_edges], uint32. Code bit of each edge, ascending within a check.
        core_inverse: [num_core, degree], int32. Checks whose sums make up each core parity bit; num_core
            where none.
        filler: (k, k_ldpc). The code bits from k to k_ldpc are zero.
    """

    starts: np.ndarray
    columns: np.ndarray
    core_inverse: np.ndarray
    filler: tuple[int, int]


@inlined
def pack(bits: np.ndarray, first: int, count: int, words: np.ndarray) -> bool:
    """Put frames ``first`` … of ``bits`` into the lowest bits of ``words``; return whether all are 0 or 1."""
    binary = True
    for begin in range(0, bits.shape[1], _BLOCK):
        block = words[begin : min(begin + _BLOCK, bits.shape[1])]
        block[:] = 0
        for lane in range(count):
            row, shift = bits[first + lane, begin : begin + block.size], np.uint64(lane)
            for i in range(block.size):
                binary &= (row[i] == 0) | (row[i] == 1)
                block[i] |= np.uint64(row[i] == 1) << shift
    return binary


@inlined
def unpack(words: np.ndarray, order: np.ndarray, first: int, count: int, out: np.ndarray) -> None:
    """Write bit i of the words, taken in ``order``, to frame ``first`` + i of ``out``."""
    block = np.empty(_BLOCK, np.uint64)
    for begin in range(0, order.size, _BLOCK):
        size = min(_BLOCK, order.size - begin)
        for i in range(size):
            block[i] = words[order[begin + i]]
        for lane in range(count):
            row, shift = out[first + lane, begin : begin + size], np.uint64(lane)
            for i in range(size):
                row[i] = np.float32(np.int32((block[i] >> shift) & _ONE))


@inlined
def add_parity(tables: EncoderTables, num_checks: int, words: np.ndarray, sums: np.ndarray) -> None:
    """Fill in the parity bits of ``num_checks`` checks.

    The core checks are solved by the inverse of their square part; every further check holds one new
    parity bit, its last edge (Richardson and Urbanke 2001; 3GPP TS 38.212, 5.3.2).
    """
    num_core, k_ldpc = tables.core_inverse.shape[0], tables.filler[1]
    for check in range(num_core):
        word = np.uint64(0)
        for edge in range(tables.starts[check], tables.starts[check + 1]):
            if tables.columns[edge] < k_ldpc:
                word ^= words[tables.columns[edge]]
        sums[check] = word
    sums[num_core] = 0
    for row in range(num_core):
        word = np.uint64(0)
        for i in range(tables.core_inverse.shape[1]):
            word ^= sums[tables.core_inverse[row, i]]
        words[k_ldpc + row] = word
    for check in range(num_core, num_checks):
        word = np.uint64(0)
        last = tables.starts[check + 1] - 1
        for edge in range(tables.starts[check], last):
            word ^= words[tables.columns[edge]]
        words[tables.columns[last]] = word


@kernel
def encode_group(
    bits: np.ndarray,
    group: int,
    tables: EncoderTables,
    order: np.ndarray,
    num_checks: int,
    words: np.ndarray,
    sums: np.ndarray,
    out: np.ndarray,
) -> bool:
    """Encode frames 64 · group … 64 · group + 63.

    Args:
        bits: [batch, k], float32. Information bits.
        group: which frames.
        tables: the code.
        order: [n], int64. Code bits to send.
        num_checks: checks whose parity bits are needed.
        words: [n_ldpc], uint64. Scratch.
        sums: [num_core + 1], uint64. Scratch.
        out: [batch, n], float32. Receives the code bits.

    Returns:
        Whether all information bits are 0 or 1.
    """
    first = 64 * group
    count = min(64, bits.shape[0] - first)
    binary = pack(bits, first, count, words)
    words[tables.filler[0] : tables.filler[1]] = 0
    add_parity(tables, num_checks, words, sums)
    unpack(words, order, first, count, out)
    return binary
