"""Per-item columns as bytes: one structured numpy array, compressed, never pickled."""

import io
import zlib
from collections.abc import Iterable, Mapping

import numpy as np

MAX_HEADER = 1_000_000
"""Most characters that names and types of columns take; numpy's own limit is that of about 300 columns."""


def pack(columns: Mapping[str, np.ndarray]) -> bytes:
    """Return the bytes of columns of one length; zlib's checksum guards them.

    Example:
        >>> unpack(pack({"block_error": np.array([0, 1])}))
        {'block_error': array([0, 1])}
    """
    size = len(next(iter(columns.values())))
    table = np.empty(size, [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        table[name] = column
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, table, allow_pickle=False)
    return zlib.compress(buffer.getvalue(), 1)


def unpack(data: bytes) -> dict[str, np.ndarray]:
    """Return the columns of :func:`pack`.

    Raises:
        ValueError: if the bytes are damaged.
    """
    try:
        table = np.load(io.BytesIO(zlib.decompress(data)), allow_pickle=False, max_header_size=MAX_HEADER)
    except (zlib.error, EOFError) as error:
        raise ValueError(f"data: not the columns of a batch ({error})") from None
    return {name: table[name].copy() for name in table.dtype.names}


def concatenate(batches: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Join the columns of successive batches."""
    batches = list(batches)
    names = batches[0] if batches else ()
    return {name: np.concatenate([batch[name] for batch in batches]) for name in names}


def checked(columns: Mapping[str, np.ndarray], size: int, task: str) -> dict[str, np.ndarray]:
    """Return a task's columns as int64 or float64, [size].

    Raises:
        TypeError: for a column that is not numeric.
        ValueError: for one of another length.
    """
    result = {}
    for name, column in columns.items():
        array = np.asarray(column)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"task {task!r}: column {name!r} holds {array.dtype}; numbers are needed")
        if array.shape != (size,):
            raise ValueError(f"task {task!r}: column {name!r} has shape {array.shape}; ({size},) is needed")
        result[name] = array.astype(np.float64 if array.dtype.kind == "f" else np.int64)
    return result
