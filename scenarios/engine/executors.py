"""Where batches run: worker processes by default, or any executor of one-threaded workers."""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

PRELOAD = ("torch", "numba", "scipy.linalg", "sionna.phy", "tokencom.scenarios.engine.worker")
"""Imported once by the fork server, so that a worker is there in a tenth of a second."""

PATIENCE = 2.0
"""Time that a worker has to finish what it is at when it is no longer needed, s."""


class WorkerPool(ProcessPoolExecutor):
    """A pool that Ctrl-C does not leave with a half-started process.

    The first submissions start processes, which lasts until the fork server has imported everything. An
    interruption in between would leave a process that nobody knows: it starts when the coordinator is
    gone, and complains about it. So Ctrl-C counts as soon as the process is there.
    """

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """See `concurrent.futures.Executor.submit`."""
        with held_interrupts():
            return super().submit(function, *args, **kwargs)


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Keep Ctrl-C until the end of the block; a second one counts at once."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield  # nothing here is ever interrupted
        return
    came: list[int] = []

    def note(number: int, frame: Any) -> None:
        came.append(number)
        if len(came) > 1:
            before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            before(signal.SIGINT, None)


def process_pool(workers: int, preload: Sequence[str] = PRELOAD, threads: int = 1) -> WorkerPool:
    """Return a pool of worker processes that come from a fork server, never from ``fork`` itself.

    Forking a process that has threads (torch, BLAS, a notebook) can hang its children; the fork
    server has imported ``preload`` but computed nothing. Workers leave Ctrl-C to the coordinator
    and end with it, even if it is killed.

    As always with processes that do not fork, a script that calls this needs the guard
    ``if __name__ == "__main__":``.

    Args:
        workers: number of processes.
        preload: modules that the fork server imports; only the first pool of a process can choose.
        threads: of BLAS libraries that a worker loads later on.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return WorkerPool(workers, mp_context=context, initializer=_begin, initargs=(threads,))


def _begin(threads: int) -> None:
    """Prepare a worker process."""
    from .threads import set_environment

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_environment(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the coordinator is gone, which a killed coordinator cannot ask for."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def end_workers(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool; those that are at a long batch are not waited for.

    The pool's thread is waited for. If it were still closing its pipe while the interpreter ends, the
    pool's own exit hook would write to that pipe ("Bad file descriptor").
    """
    processes = list((getattr(pool, "_processes", None) or {}).values())
    manager = getattr(pool, "_executor_manager_thread", None)
    pool.shutdown(wait=False, cancel_futures=True)
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        process.join(timeout=max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.terminate()
    if manager is not None:
        manager.join()


class InlineExecutor(Executor):
    """Runs everything at once in the calling process: for debuggers and notebooks.

    Example:
        >>> InlineExecutor().submit(max, 1, 2).result()
        2
    """

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Call ``function`` and return a finished future."""
        future: Future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def num_slots(executor: Executor, workers: int) -> int:
    """Return how many batches an executor runs at once, after checking that it is fit to.

    Args:
        executor: any; its workers must have one thread each.
        workers: what to assume where the executor does not tell.

    Raises:
        ValueError: if several threads of one process would run batches.
    """
    if isinstance(executor, ThreadPoolExecutor):
        raise ValueError(
            "executor: a ThreadPoolExecutor runs several batches in one process, which share Sionna's"
            " random generator; use processes: process_pool(workers)"
        )
    client = getattr(executor, "_client", None)
    if client is not None and type(executor).__module__.startswith("distributed"):
        return _dask_workers(client)
    for name in ("_max_workers", "num_workers"):
        count = getattr(executor, name, None)
        if isinstance(count, int) and count > 0:
            return count
    return max(workers, 1)


def _dask_workers(client: Any) -> int:
    threads = client.nthreads()
    several = {name: count for name, count in threads.items() if count > 1}
    if several:
        name, count = next(iter(several.items()))
        raise ValueError(
            f"executor: Dask worker {name} has {count} threads, which share Sionna's random generator;"
            " start workers with threads_per_worker=1 (dask worker --nthreads 1)"
        )
    if not threads:
        raise ValueError("executor: the Dask cluster has no workers; see client.wait_for_workers(1)")
    if len(set(client.run(_process).values())) < len(threads):
        raise ValueError("executor: Dask workers share a process; use LocalCluster(processes=True)")
    return len(threads)


def _process() -> tuple[str, int]:
    """Return the host and the process that a Dask worker lives in."""
    return socket.gethostname(), os.getpid()
