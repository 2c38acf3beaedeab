"""Parity-check matrices: from arrays, from alist files, and lifted from the prototypes of standards.

A quasi-cyclic code is written as a small matrix of shifts. Entry s ≥ 0 stands for the z × z identity
whose columns are rotated right by s (row i has its 1 in column (i + s) mod z), -1 for the zero matrix.
"""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from ..validation import check_range

_ = -1  # a zero block

WIMAX_RATE_1_2 = (
    (_, 94, 73, _, _, _, _, _, 55, 83, _, _, 7, 0, _, _, _, _, _, _, _, _, _, _),
    (_, 27, _, _, _, 22, 79, 9, _, _, _, 12, _, 0, 0, _, _, _, _, _, _, _, _, _),
    (_, _, _, 24, 22, 81, _, 33, _, _, _, 0, _, _, 0, 0, _, _, _, _, _, _, _, _),
    (61, _, 47, _, _, _, _, _, 65, 25, _, _, _, _, _, 0, 0, _, _, _, _, _, _, _),
    (_, _, 39, _, _, _, 84, _, _, 41, 72, _, _, _, _, _, 0, 0, _, _, _, _, _, _),
    (_, _, _, _, 46, 40, _, 82, _, _, _, 79, 0, _, _, _, _, 0, 0, _, _, _, _, _),
    (_, _, 95, 53, _, _, _, _, _, 14, 18, _, _, _, _, _, _, _, 0, 0, _, _, _, _),
    (_, 11, 73, _, _, _, 2, _, _, 47, _, _, _, _, _, _, _, _, _, 0, 0, _, _, _),
    (12, _, _, _, 83, 24, _, 43, _, _, _, 51, _, _, _, _, _, _, _, _, 0, 0, _, _),
    (_, _, _, _, _, 94, _, 59, _, _, 70, 72, _, _, _, _, _, _, _, _, _, 0, 0, _),
    (_, _, 7, 65, _, _, _, _, 39, 49, _, _, _, _, _, _, _, _, _, _, _, _, 0, 0),
    (43, _, _, _, _, 66, _, 41, _, _, _, 26, 7, _, _, _, _, _, _, _, _, _, _, 0),
)
"""Shifts for z = 96 of the rate 1/2 code of IEEE 802.16e, 8.4.9.2.5; smaller z takes floor(s · z / 96)."""

WIFI_648_RATE_1_2 = (
    (0, _, _, _, 0, 0, _, _, 0, _, _, 0, 1, 0, _, _, _, _, _, _, _, _, _, _),
    (22, 0, _, _, 17, _, 0, 0, 12, _, _, _, _, 0, 0, _, _, _, _, _, _, _, _, _),
    (6, _, 0, _, 10, _, _, _, 24, _, 0, _, _, _, 0, 0, _, _, _, _, _, _, _, _),
    (2, _, _, 0, 20, _, _, _, 25, 0, _, _, _, _, _, 0, 0, _, _, _, _, _, _, _),
    (23, _, _, _, 3, _, _, _, 0, _, 9, 11, _, _, _, _, 0, 0, _, _, _, _, _, _),
    (24, _, 23, 1, 17, _, 3, _, 10, _, _, _, _, _, _, _, _, 0, 0, _, _, _, _, _),
    (25, _, _, _, 8, _, _, _, 7, 18, _, _, 0, _, _, _, _, _, 0, 0, _, _, _, _),
    (13, 24, _, _, 0, _, 8, _, 6, _, _, _, _, _, _, _, _, _, _, 0, 0, _, _, _),
    (7, 20, _, 16, 22, 10, _, _, 23, _, _, _, _, _, _, _, _, _, _, _, 0, 0, _, _),
    (11, _, _, _, 19, _, _, _, 13, _, 3, 17, _, _, _, _, _, _, _, _, _, 0, 0, _),
    (25, _, 8, _, 23, 18, _, 14, 9, _, _, _, _, _, _, _, _, _, _, _, _, _, 0, 0),
    (3, _, _, _, 16, _, _, 2, 25, 5, _, _, 1, _, _, _, _, _, _, _, _, _, _, 0),
)
"""Shifts for z = 27 of the (648, 324) code of IEEE 802.11-2020, annex F, table F-1."""


def lift(prototype: Sequence[Sequence[int]] | np.ndarray, z: int) -> sp.csr_matrix:
    """Return the parity-check matrix [rows · z, columns · z] of a quasi-cyclic prototype.

    Args:
        prototype: [rows, columns] of shifts, taken modulo z; -1 for a zero block.
        z: lifting size.

    Raises:
        ValueError: if the prototype is not a matrix of integers ≥ -1.

    Example:
        >>> lift([[1, -1], [0, 1]], 2).toarray().astype(int).tolist()
        [[0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 1], [0, 1, 1, 0]]
    """
    z = check_range("z", z, 1, integer=True)
    shifts = np.asarray(prototype)
    if shifts.ndim != 2 or shifts.dtype.kind not in "iu" or shifts.min(initial=0) < -1:
        raise ValueError(
            f"prototype: {shifts.dtype} of shape {list(shifts.shape)} given; integers >= -1 [rows, columns] needed"
        )
    row, column = np.nonzero(shifts >= 0)
    i = np.arange(z)
    rows = row[:, None] * z + i
    columns = column[:, None] * z + (i + shifts[row, column][:, None]) % z
    shape = (shifts.shape[0] * z, shifts.shape[1] * z)
    return sp.csr_matrix((np.ones(rows.size), (rows.ravel(), columns.ravel())), shape=shape)


def wimax_pcm(n: int) -> sp.csr_matrix:
    """Return the rate 1/2 matrix [n/2, n] of IEEE 802.16e; n is a multiple of 96 from 576 to 2304.

    Example:
        >>> wimax_pcm(576).shape
        (288, 576)
    """
    if n not in range(576, 2305, 96):
        raise ValueError(f"n: {n} given; a multiple of 96 from 576 to 2304 needed")
    shifts = np.array(WIMAX_RATE_1_2)
    return lift(np.where(shifts < 0, -1, shifts * (n // 24) // 96), n // 24)


def accumulator_pcm(addresses: Sequence[Sequence[int]], n: int, group: int = 360) -> sp.csr_matrix:
    """Return the parity-check matrix of a code of the DVB-S2 kind, given as its standard prints it.

    Information bit m of group j (of ``group`` bits) takes part in checks (a + q·m) mod (n - k) for every
    address a of line j, where q = (n - k) / group; the parity bits are accumulated, p_i = p_{i-1} + check
    i (ETSI EN 302 307-1, 5.3.2).

    Args:
        addresses: one line of check addresses per group of information bits.
        n: code length; k is the number of lines times ``group``.
        group: bits per line.

    Raises:
        ValueError: if n - k is not a positive multiple of ``group``, or an address is outside 0 … n-k-1.

    Example:
        >>> accumulator_pcm([[0, 3]], n=6, group=2).toarray().astype(int)[0].tolist()
        [1, 0, 1, 0, 0, 0]
    """
    k = len(addresses) * group
    checks = n - k
    if checks <= 0 or checks % group:
        raise ValueError(f"n: {n} given with k = {k}; n - k must be a positive multiple of {group}")
    wrong = [a for line in addresses for a in line if not 0 <= a < checks]
    if wrong:
        raise ValueError(f"addresses: {wrong[0]} given; 0 … {checks - 1} allowed")
    m = np.arange(group)
    rows = [(a + checks // group * m) % checks for line in addresses for a in line]
    columns = [j * group + m for j, line in enumerate(addresses) for _ in line]
    i = np.arange(checks)
    row = np.concatenate([*rows, i, i[1:]])
    column = np.concatenate([*columns, k + i, k + i[:-1]])
    return _binary(sp.coo_matrix((np.ones(row.size), (row, column)), shape=(checks, n)), "addresses")


def read_alist(path: str | PathLike) -> sp.csr_matrix:
    """Return the parity-check matrix of an alist file (D. J. C. MacKay's format).

    The lines are: n and the number of checks; the largest degrees; the degrees of all columns; of all
    rows; for each column the rows (from 1, padded with 0) of its ones; and the same for each row.

    Raises:
        ValueError: if the file contradicts itself, naming the file.
    """
    lines = [[int(x) for x in line.split()] for line in Path(path).read_text().splitlines() if line.strip()]
    try:
        (n, num_cns), degrees = lines[0], lines[2]
        ones = [[row - 1 for row in line if row] for line in lines[4 : 4 + n]]
        by_row = [[column - 1 for column in line if column] for line in lines[4 + n : 4 + n + num_cns]]
    except (IndexError, ValueError) as error:
        raise ValueError(f"{path}: not a complete alist file") from error
    if len(ones) != n or [len(rows) for rows in ones] != degrees:
        raise ValueError(f"{path}: the column lists do not have the stated degrees")
    column = np.repeat(np.arange(n), degrees)
    row = np.array([r for rows in ones for r in rows], dtype=np.int64)
    if row.size and row.max() >= num_cns:
        raise ValueError(f"{path}: row {row.max() + 1} named, but there are {num_cns}")
    pcm = _binary(sp.coo_matrix((np.ones(row.size), (row, column)), shape=(num_cns, n)), str(path))
    if by_row and [sorted(columns) for columns in by_row] != [
        r.tolist() for r in np.split(pcm.indices, pcm.indptr[1:-1])
    ]:
        raise ValueError(f"{path}: the row lists contradict the column lists")
    return pcm


def as_pcm(pcm: np.ndarray | sp.spmatrix | sp.sparray | str | PathLike) -> sp.csr_matrix:
    """Return a binary matrix, or that of an alist file, as `scipy.sparse.csr_matrix` with sorted indices.

    Raises:
        TypeError: if it is neither an array, a sparse matrix nor a path.
        ValueError: if it is not a matrix of 0 and 1.

    Example:
        >>> as_pcm(np.eye(2)).indices.tolist()
        [0, 1]
    """
    if isinstance(pcm, str | PathLike):
        return read_alist(pcm)
    if sp.issparse(pcm):
        return _binary(pcm, "pcm")
    if not isinstance(pcm, np.ndarray):
        raise TypeError(f"pcm: a {type(pcm).__name__} given; numpy array, scipy sparse matrix or alist path expected")
    if pcm.ndim != 2:
        raise ValueError(f"pcm: shape {list(pcm.shape)} given, [num_cns, n] expected")
    return _binary(sp.coo_matrix(pcm), "pcm")


def _binary(matrix: sp.spmatrix | sp.sparray, name: str) -> sp.csr_matrix:
    """Convert to sorted rows without explicit zeros; refuse entries other than 0 and 1, and repeated ones."""
    rows = sp.csr_matrix(matrix, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    rows.sort_indices()
    if not np.all(rows.data == 1):
        raise ValueError(
            f"{name}: entry {rows.data[rows.data != 1][0]} found; a parity-check matrix holds 0 and 1 only"
        )
    return rows
