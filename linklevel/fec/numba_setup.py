"""How kernels are compiled, cached and spread over threads: one place for the whole folder.

A kernel is a plain function under `kernel`: compiled without the GIL, kept on disk, loaded by the next
process. It decodes one group of frames, which lie innermost so that LLVM vectorises across them.
`for_each_group` runs the groups on Python threads. This replaces numba's own ``parallel=True``: its
``workqueue`` layer aborts the process when two Python threads enter it at once, its ``omp`` layer hangs
after a fork, and both multiply compile time; threads that only wait for GIL-free kernels have none of
these faults.

numba's disk cache looks only at the file that holds a kernel, and would go on using the old machine code
after a change of a helper in another file. Kernels here are bound to all the files of this folder.
"""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

import numba
import numba.experimental
import numba.np.arraymath
import numba.np.linalg
import numba.typed  # numba would import these four on the first call of a kernel, which should start at once
import numpy as np
import torch
from numba.core.caching import IndexDataCacheFile


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on its first call: no GIL, cached on disk, division by zero as in numpy.

    Under a numba whose cache cannot be bound to this folder, nothing is kept on disk.
    """
    compiled: Any = numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    cached = compiled._cache
    if not all(hasattr(cached, name) for name in ("_cache_file", "_cache_path", "_impl")):
        return numba.njit(nogil=True, error_model="numpy")(function)
    name = f"{cached._impl.filename_base}-{_sources_digest()}"
    cached._cache_file = IndexDataCacheFile(cached._cache_path, name, source_stamp=None)
    return compiled


@cache
def _sources_digest() -> str:
    """Digest of all Python files of this folder and of the name under which it was imported.

    It is part of the cache's file names, as numba's index cannot even be read where a class that it mentions is gone.
    """
    digest = hashlib.sha256(__name__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def inlined(function: Callable[..., Any]) -> Any:
    """Compile ``function`` as a part of every kernel that calls it."""
    return numba.njit(nogil=True, error_model="numpy", forceinline=True)(function)


def num_threads() -> int:
    """Number of threads that kernels use: PyTorch's (`torch.set_num_threads`), one knob for both."""
    return torch.get_num_threads()


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """Return an uninitialised C-contiguous array whose data starts on a 64 byte cache line."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(size + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def for_each_group(
    work: Callable[..., None], num_groups: int, make_scratch: Callable[[], tuple[Any, ...]] = tuple
) -> None:
    """Call ``work(group, *scratch)`` once for every group 0 … num_groups-1, on up to `num_threads` threads.

    Groups are handed out one at a time, so uneven groups (early stop) still balance. Each thread makes
    its own scratch once, whatever the number of groups. The result is the same for any number of threads
    as long as groups write to disjoint memory.

    Args:
        work: function that calls a `kernel` for one group.
        num_groups: number of groups; 0 does nothing.
        make_scratch: returns the buffers of one thread as a tuple.

    Raises:
        Exception: the first one that ``work`` raised.

    Example:
        >>> out = np.zeros(5)
        >>> for_each_group(lambda group: out.__setitem__(group, group), 5)
        >>> out.tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    ticket = count()

    def drain() -> None:
        scratch = None
        while (group := next(ticket)) < num_groups:
            if scratch is None:
                scratch = make_scratch()
            work(group, *scratch)

    helpers = min(num_threads(), num_groups) - 1
    futures = [_pool.get(helpers).submit(drain) for _ in range(helpers)]
    try:
        drain()
    finally:
        # A helper that never got a thread has nothing left to do: cancelling it makes nested calls safe.
        running = [future for future in futures if not future.cancel()]
        errors = [error for future in running if (error := future.exception())]
    if errors:
        raise errors[0]


class _Pool:
    """Helper threads of this process; a forked child starts with none."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._size = 0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def get(self, size: int) -> ThreadPoolExecutor:
        """Return an executor of at least ``size`` threads."""
        with self._lock:
            if size > self._size:
                self._size, self._executor = size, ThreadPoolExecutor(size, thread_name_prefix="fec")
            return self._executor

    def _forget(self) -> None:
        self._lock, self._size = Lock(), 0


_pool = _Pool()
