"""Write the tokens at the cut of a scheme's system to HDF5, one entry for each item of its task.

Items are encoded once and kept in shards beside an index, tokens.h5. An export that was interrupted goes
on where it stopped.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .scenario_arguments import add_scenario_arguments, scenario_of

if TYPE_CHECKING:
    from ..schema import Scenario

INDEX = "tokens.h5"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_scenario_arguments(parser)
    parser.add_argument("--scheme", metavar="name", help="whose system; may be left out if only one has one")
    parser.add_argument(
        "--output", type=Path, metavar="folder", help="where tokens.h5 and its shards go; tokens/<scheme> if absent"
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def execute(arguments: argparse.Namespace) -> int:
    """Train what is missing, encode the items, and print the path of the index."""
    scenario = scenario_of(arguments)
    scheme = chosen(scenario, arguments.scheme)
    if scheme.trains:
        from .train import train

        train(scenario, arguments, [scheme.name])
    from ..engine.exporting import export_scheme, folder_of

    folder = folder_of(scheme.name) if arguments.output is None else arguments.output
    if folder.suffix == ".h5":
        if folder.name != INDEX:
            raise ValueError(f"--output: {str(folder)!r}; the index is always called {INDEX}, so give its folder")
        folder = folder.parent
    from ...linklevel.status_line import StatusLine

    line = StatusLine(sys.stderr) if sys.stderr.isatty() and not arguments.quiet else None

    def show(done: int, total: int) -> None:
        if line is not None:
            line.show(lambda: f"{done}/{total} items  {100 * done // total} %", always=done == total)

    try:
        print(export_scheme(scenario, scheme.name, folder, progress=show))
    finally:
        if line is not None:
            line.close()
    return 0


def chosen(scenario: "Scenario", name: str | None) -> Any:
    """Return the scheme to export from.

    Raises:
        ValueError: for a name that is none of a scheme with a system, with the nearest that is, or for no name
            where several schemes have one.
    """
    from ..schema.problems import closest

    able = {scheme.name: scheme for scheme in scenario.schemes if getattr(scheme, "system", None) is not None}
    if not able:
        raise ValueError(f"{scenario.name}: no scheme has a system whose tokens could be exported")
    if name is None and len(able) > 1:
        raise ValueError(f"--scheme: missing; there are {', '.join(map(repr, able))}")
    if name is not None and name not in able:
        close = closest(name, tuple(able))
        hint = f"; did you mean {close!r}?" if close else f"; there are {', '.join(map(repr, able))}"
        raise ValueError(f"--scheme: {name!r} is not a scheme with a system{hint}")
    return able[name] if name is not None else next(iter(able.values()))
