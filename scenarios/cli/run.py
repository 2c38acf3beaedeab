"""Run a scenario, or go on with an interrupted run of it.

Results, a plot and a report go to the output folder. Finished batches are kept there, so the same
command goes on after an interruption, and a scenario can grow without losing what it has. Weights that
are neither shipped nor in the cache are trained first.
"""

import argparse
import os
from pathlib import Path

from . import train
from .executors import executor
from .scenario_arguments import add_scenario_arguments, scenario_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_scenario_arguments(parser)
    parser.add_argument(
        "--workers", type=int, metavar="count", help="worker processes; one for each core if absent"
    )
    parser.add_argument(
        "--executor", default="process", metavar="where", help="process (default), dask, dask:address or mpi"
    )
    parser.add_argument(
        "--output", type=Path, metavar="folder", help="where results go; runs/<name> if absent"
    )
    parser.add_argument(
        "--no-train", action="store_true", help="stop where weights are missing, instead of training"
    )
    parser.add_argument("--fresh", action="store_true", help="drop what an earlier run left in the folder")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def execute(arguments: argparse.Namespace) -> int:
    """Train what is missing, run, then draw, report, and print the table of results."""
    scenario = scenario_of(arguments)
    if any(getattr(scheme, "trains", False) for scheme in scenario.schemes):
        train.train(scenario, arguments, allowed=not arguments.no_train)
    workers = cores() // scenario.threads_per_worker if arguments.workers is None else arguments.workers
    from ..engine import run, run_folder

    folder = run_folder(scenario) if arguments.output is None else arguments.output
    with executor(arguments.executor, max(workers, 1)) as chosen:
        results = run(  # type: ignore[operator]
            scenario,
            folder,
            executor=chosen,
            workers=max(workers, 1) if arguments.workers is None else workers,
            resume=not arguments.fresh,
            train=not arguments.no_train,
            progress=False if arguments.quiet else None,
        )
    from ..figures import plot_results, write_report
    from .table import print_table

    print_table(results)
    for path in (
        folder / "results.h5",
        plot_results(results, folder / "curves.png"),
        write_report(results, folder / "report.html"),
    ):
        print(path)
    return 0


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
