"""The items behind a result: for paired comparisons and for a look at single items."""

import sqlite3
from pathlib import Path

import numpy as np

from ..statistics.metric import Metric
from ..statistics.paired import Difference, paired_difference
from .columns import concatenate, unpack
from .errors import RunError
from .journal import NAME
from .plan import Plan
from .results import Results


def load_items(folder: str | Path, scheme: str, point: int) -> dict[str, np.ndarray]:
    """Return the columns of the items behind one scheme and point of a finished run.

    Under error-count stopping the last item, which was bound to be an error, is left out.

    Args:
        folder: the run folder.
        scheme: name of the scheme.
        point: index of the point, as in :attr:`Results.points`.

    Returns:
        columns [num_items], int64 or float64; ``item`` numbers the items.

    Raises:
        RunError: if the folder has no finished run or its journal is gone.
        ValueError: for a scheme or a point that is not there.
    """
    results = Results.load(folder)
    if results.units is None:
        raise RunError(f"{folder}: these results name no batches; run the scenario again")
    if scheme not in results.schemes:
        raise ValueError(f"scheme: {scheme!r} is not in the results; there are: {', '.join(results.schemes)}")
    if not 0 <= point < len(results.points):
        raise ValueError(f"point: {point!r} is not in the results; there are 0 to {len(results.points) - 1}")
    at = results.schemes.index(scheme), point
    count = int(results.num_items[at]) - (results.stopped_by[at] == "num_target_block_errors")
    columns = concatenate(_batches(Path(folder) / NAME, str(results.units[at]), int(results.num_batches[at])))
    return {name: column[:count] for name, column in columns.items()}


def compare_schemes(
    scenario: Plan, folder: str | Path, a: str, b: str, metric: str, level: float = 0.95
) -> list[Difference]:
    """Return scheme a minus scheme b at each point of a finished run, over their common items.

    Both met the same items, fades and noise, so the paired interval is far narrower than the
    intervals of the two.

    Args:
        scenario: the one that was run.
        folder: its run folder.
        a: name of a scheme.
        b: name of another.
        metric: name of a metric that both have.
        level: coverage.

    Raises:
        ValueError: for a name that is not there, or a metric of verdicts where a scheme has none.
        RunError: if the folder has no finished run of this scenario.
    """
    results = Results.load(folder)
    if results.scenario != scenario.model_dump_json():
        raise RunError(f"{folder}: these results are of another scenario; run this one first")
    found: dict[str, Metric] = {}
    differences = []
    for index, point in enumerate(scenario.points()):
        key = point.scenario.build_key(a)
        if key not in found:
            task, _ = point.scenario.build(a)
            if metric not in task.metrics:
                names = ", ".join(task.metrics)
                raise ValueError(f"metric: task {task.name!r} has no {metric!r}; it has: {names}")
            for scheme in (a, b):
                if metric in task.verdict_metrics and not _has(results, scheme, metric):
                    why = "its receiver has no verdict on blocks"
                    raise ValueError(f"metric: scheme {scheme!r} has no {metric!r}: {why}")
            found[key] = task.metrics[metric]
        items_a, items_b = load_items(folder, a, index), load_items(folder, b, index)
        differences.append(paired_difference(found[key], items_a, items_b, level))
    return differences


def _has(results: Results, scheme: str, metric: str) -> bool:
    return metric in {info.name for info in results.metrics} and results.has(scheme, metric)


def _batches(path: Path, unit: str, count: int) -> list[dict[str, np.ndarray]]:
    query = "SELECT data FROM batches WHERE unit = ? AND batch < ? ORDER BY batch"
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            rows = connection.execute(query, (unit, count)).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise RunError(f"{path}: the journal cannot be read ({error}); run the scenario again") from error
    if len(rows) != count:
        raise RunError(f"{path}: has {len(rows)} of {count} batches of a result; run the scenario again")
    return [unpack(row[0]) for row in rows]
