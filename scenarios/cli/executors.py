"""Where a run's batches go: processes of this machine, a Dask cluster, MPI."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from ...linklevel.validation import nearest

KINDS = ("process", "dask", "mpi")


@contextmanager
def executor(text: str, workers: int) -> Iterator[Executor | None]:
    """Provide the executor that ``--executor`` names, and close it afterwards.

    Args:
        text: ``process``, ``dask`` (a cluster on this machine), ``dask:address`` (a scheduler that
            runs already) or ``mpi``.
        workers: processes to start, for ``process`` and ``dask``.

    Yields:
        `None` for ``process``, whose pool the engine makes itself.

    Raises:
        ValueError: for another text, or if a package or an address is missing.
    """
    kind, _, address = text.partition(":")
    if kind not in KINDS or (address and kind != "dask"):
        close = nearest(kind, KINDS)
        hint = f"; did you mean {close!r}?" if close else ""
        raise ValueError(
            f"--executor: {text!r} is not known; allowed: process, dask, dask:address, mpi{hint}"
        )
    if kind == "process":
        yield None
    elif kind == "dask":
        with _dask(address, workers) as found:
            yield found
    else:
        with _mpi() as found:
            yield found


@contextmanager
def _dask(address: str, workers: int) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ValueError("--executor: Dask is not installed; pip install 'tokencom[cluster]'") from error
    if not address:
        options: dict[str, Any] = {"n_workers": workers, "threads_per_worker": 1, "processes": True}
        with LocalCluster(**options, dashboard_address=None) as cluster, Client(cluster) as client:
            yield client.get_executor()
        return
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise ValueError(f"--executor: no Dask scheduler answers at {address!r} ({error})") from error
    with client:
        yield client.get_executor()


def _mpi() -> Any:
    try:
        from mpi4py.futures import MPIPoolExecutor
    except (ImportError, RuntimeError) as error:
        raise ValueError(
            "--executor: MPI is not installed; pip install 'tokencom[mpi]' and an MPI library, "
            "then start with mpiexec -n 8 python -m mpi4py.futures -m tokencom.scenarios.cli run ..."
        ) from error
    return MPIPoolExecutor()
