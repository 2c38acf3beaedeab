"""Runs a scenario from its first batch, or from where an earlier run got to."""

import contextlib
import datetime
import multiprocessing
import re
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from .coordinator import GUARD, Coordinator
from .errors import RunError, RunInterrupted
from .executors import InlineExecutor, end_workers, num_slots, process_pool
from .files import write_json
from .journal import NAME, Journal
from .plan import Plan, compared
from .progress import Hook, TextProgress, hook_of
from .provenance import fingerprint, provenance, session
from .results import Results
from .summary import summary
from .tabulate import tabulate
from .trained_range import outside_training
from .unit import Unit

FILES = ("results.h5", "summary.json", "provenance.json")


def run(
    scenario: Plan,
    folder: str | Path | None = None,
    *,
    executor: Executor | None = None,
    workers: int = 1,
    resume: bool = True,
    train: bool = True,
    progress: Hook | bool | None = None,
) -> Results:
    """Run a scenario, or finish it, and write ``results.h5``, ``summary.json`` and ``provenance.json``.

    Weights that schemes need, and that are neither shipped nor in the cache, are trained first, in this process. A
    scheme that meets an SNR outside the range that its weights were trained for is warned of.

    The arrays do not depend on the number of workers, on the executor, or on interruptions. Every
    finished batch is in the journal at once; a run that was killed goes on from there when it is
    started again, and a changed scenario reuses the batches that still apply.

    Args:
        scenario: what to run.
        folder: run folder; ``runs/<name>`` if `None`.
        executor: where batches run: any `concurrent.futures.Executor` whose workers have one
            thread each, such as ``client.get_executor()`` of a Dask client or mpi4py's
            ``MPIPoolExecutor()``. It is left running.
        workers: worker processes, if no executor is given; 0 runs in the calling process.
        resume: use the finished batches in the folder; else they are deleted.
        train: make weights that are missing; else they are refused.
        progress: called with :class:`~tokencom.scenarios.engine.progress.Progress`; `True` for a line
            on standard error, `None` for that line if it is a terminal, `False` for nothing.

    Raises:
        RunError: if a batch fails, workers die, or the folder cannot be used; what was finished is
            kept, and the message names scheme, point and batch, or the file.
        RunInterrupted: on Ctrl-C.
        ValueError: for an executor with several threads in one process, or a number of workers
            below 0; for weights that are missing without ``train`` (`NotTrainedError`).
        TrainingError, TrainingInterrupted: see :func:`~tokencom.scenarios.engine.training.make`.
        RuntimeError: if a worker that imports the calling script would start the run again.

    Example:
        >>> from tokencom.scenarios import load_scenario, run                       # doctest: +SKIP
        >>> results = run(load_scenario("quickstart"), workers=2)                   # doctest: +SKIP
    """
    if workers < 0:
        raise ValueError(f"workers: {workers!r}; at least 0 are needed, and 0 runs in the calling process")
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RuntimeError(f"a script that runs a scenario in worker processes needs {GUARD}: they import it")
    folder = run_folder(scenario) if folder is None else Path(folder)
    mark = fingerprint(scenario)
    if resume and all((folder / name).exists() for name in FILES):
        results = _finished(folder, mark)
        if results is not None:
            return results
    if any(getattr(scheme, "trains", False) for scheme in scenario.schemes):
        from .training import provide

        provide(scenario, train=train, progress=progress if isinstance(progress, bool) else None)
    for text in outside_training(scenario):
        warnings.warn(text, RuntimeWarning, stacklevel=2)
    if not resume:
        _delete_journal(folder)
    with Journal(folder) as journal:
        if getattr(scenario, "figure", "curves") == "training":
            return _learned(scenario, folder, journal, mark)
        return _run(scenario, folder, journal, executor, workers, hook_of(progress), mark)


def run_folder(scenario: Plan) -> Path:
    """Return the default folder of a run, ``runs/<name>``.

    Characters that file systems refuse become underscores.
    """
    return Path("runs") / (re.sub(r"[^\w.+-]+", "_", scenario.name).strip("._") or "run")


def _finished(folder: Path, mark: str) -> Results | None:
    """Return the results of exactly this scenario and these versions, if they are there."""
    try:
        results = Results.load(folder)
    except RunError:
        return None
    return results if results.fingerprint == mark else None


def _delete_journal(folder: Path) -> None:
    try:
        for name in (NAME, NAME + "-journal"):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        text = f"{folder / NAME}: cannot be deleted ({error.strerror}); choose another run folder"
        raise RunError(text) from error


def _run(
    plan: Plan,
    folder: Path,
    journal: Journal,
    executor: Executor | None,
    workers: int,
    hook: Hook | None,
    mark: str,
) -> Results:
    started, clock = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), time.monotonic()
    points = plan.points()
    units = _in_order([Unit(plan, s.name, point, journal) for s in compared(plan) for point in points])
    owned = executor is None
    pool: Executor = _executor(plan, workers) if executor is None else executor
    slots = num_slots(pool, workers)
    journal.add_session(started, session(plan, type(pool).__name__, slots))
    restart = (lambda: process_pool(workers, threads=plan.threads_per_worker)) if owned and workers else None
    coordinator = Coordinator(plan, units, journal, pool, slots, restart, hook)
    try:
        coordinator.run()
    except KeyboardInterrupt:
        coordinator.keep_finished()
        raise RunInterrupted(
            f"interrupted; finished batches are kept in {journal.path}, and the same run goes on from there"
        ) from None
    except RunError:
        with contextlib.suppress(RunError):  # the first error is the one to tell
            coordinator.keep_finished()
        raise
    finally:
        if isinstance(hook, TextProgress):
            hook.close()
        if owned:
            _end(coordinator.executor)
    for warning in journal.warnings:
        warnings.warn(warning, RuntimeWarning, stacklevel=3)
    results = tabulate(plan, units, mark)
    return _written(plan, units, folder, journal, results, started, time.monotonic() - clock)


def _learned(scenario: Any, folder: Path, journal: Journal, mark: str) -> Results:
    """Write the learning curves of trainings that are done."""
    from .learning import learning_curves

    started, clock = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), time.monotonic()
    journal.add_session(started, session(scenario, "none", 0))
    results = learning_curves(scenario, mark)
    return _written(scenario, [], folder, journal, results, started, time.monotonic() - clock)


def _written(
    plan: Plan, units: Sequence[Unit], folder: Path, journal: Journal, results: Results, started: str, seconds: float
) -> Results:
    """Write the files of a finished run."""
    write_json(folder / "summary.json", summary(results))
    write_json(folder / "provenance.json", provenance(plan, units, journal, started, seconds))
    results.save(folder / "results.h5")  # last: its fingerprint says that all three are of this scenario
    return results


def _executor(plan: Plan, workers: int) -> Executor:
    return process_pool(workers, threads=plan.threads_per_worker) if workers else InlineExecutor()


def _end(executor: Executor) -> None:
    if isinstance(executor, ProcessPoolExecutor):
        end_workers(executor)
    else:
        from .worker import forget

        forget()


def _in_order(units: Sequence[Unit]) -> list[Unit]:
    """Put units that share a task and a link next to each other, in order of first appearance."""
    first: dict[str, int] = {}
    for index, unit in enumerate(units):
        first.setdefault(unit.build_key, index)
    return sorted(units, key=lambda unit: first[unit.build_key])
