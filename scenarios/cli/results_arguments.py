"""Arguments of the commands that take finished runs."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine.results import Results

FILE = "results.h5"


def results_of(path: Path) -> tuple["Results", Path]:
    """Return the results of a run and the folder they lie in.

    Args:
        path: a run's folder, or its ``results.h5``.

    Raises:
        ValueError: if there are no results, or the file is none that a run has written.
    """
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise ValueError(
            f"{path}: no {FILE} here; give the folder of a finished run, such as runs/quickstart"
        )
    from ..engine import Results

    return Results.load(file), file.parent
