"""Write the report of a finished run again: one HTML file that needs nothing else."""

import argparse
import json
from pathlib import Path

from .results_arguments import results_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("run", type=Path, help="a run's folder, or its results.h5")
    parser.add_argument(
        "--output", type=Path, metavar="file", help="HTML to write; report.html of the run if absent"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Write the report and print its path."""
    results, folder = results_of(arguments.run)
    from ..figures import write_report

    beside = folder / "provenance.json"
    provenance = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    print(write_report(results, arguments.output or folder / "report.html", provenance))
    return 0
