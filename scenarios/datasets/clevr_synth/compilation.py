"""How the ray-caster is compiled and kept on disk, without PyTorch.

numba's disk cache looks only at the file that holds a kernel, and would go on using the old machine
code after a change of a function that the kernel calls. Kernels here are bound to all files of this
folder. Nothing is compiled with ``fastmath``: the same source gives the same bytes.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import IndexDataCacheFile

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(function: _Function) -> _Function:
    """Compile ``function`` on its first call: no GIL, cached on disk, division by zero as in numpy.

    Under a numba whose cache cannot be bound to this folder, nothing is kept on disk.
    """
    compiled: Any = numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    cached = compiled._cache
    if not all(hasattr(cached, name) for name in ("_cache_file", "_cache_path", "_impl")):
        uncached: Any = numba.njit(nogil=True, error_model="numpy")(function)
        return uncached
    name = f"{cached._impl.filename_base}-{_sources_digest()}"
    cached._cache_file = IndexDataCacheFile(cached._cache_path, name, source_stamp=None)
    return compiled


def inlined(function: _Function) -> _Function:
    """Compile ``function`` as a part of every kernel that calls it."""
    compiled: Any = numba.njit(nogil=True, error_model="numpy", forceinline=True)(function)
    return compiled


@cache
def _sources_digest() -> str:
    """Digest of all Python files of this folder and of the name under which it was imported."""
    digest = hashlib.sha256(__name__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
