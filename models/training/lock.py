"""One process at a time in a training's folder."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make a folder and keep other processes out of it; wait, after a warning, for one that is in it.

    The operating system frees the lock of a process that was killed.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        warnings.warn(f"{folder}: another process is at this training; waiting for its end", stacklevel=4)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
