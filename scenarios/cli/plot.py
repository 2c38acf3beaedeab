"""Draw the curves of a finished run again."""

import argparse
from pathlib import Path

from .results_arguments import results_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("run", type=Path, help="a run's folder, or its results.h5")
    parser.add_argument(
        "--output", type=Path, metavar="file", help="PNG to write; curves.png of the run if absent"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Write the plot and print its path."""
    results, folder = results_of(arguments.run)
    from ..figures import plot_results

    print(plot_results(results, arguments.output or folder / "curves.png"))
    return 0
