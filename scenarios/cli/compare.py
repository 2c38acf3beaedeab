"""Compare the schemes of one run with its first scheme, or several runs with the first of them.

Differences are paired, item by item, where both met the same items.
"""

import argparse
from pathlib import Path

from .table import text_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="run", help="folders of finished runs")
    parser.add_argument("--output", type=Path, metavar="file", help="PNG of the differences to write")


def execute(arguments: argparse.Namespace) -> int:
    """Print a table for each pair and metric."""
    from .results_arguments import results_of

    folders = [results_of(path)[1] for path in arguments.runs]
    from ..figures import compare

    comparison = compare(folders)  # type: ignore[operator]
    for table in comparison.tables():
        print(f"{table.title}\n{text_table(table.header, table.rows)}\n")
    for note in comparison.notes:
        print(f"note: {note}")
    if arguments.output is not None:
        print(comparison.plot(arguments.output))
    return 0
