"""From the batches in the journal to the arrays of the results."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..statistics.metric import Estimate, Metric
from .messages import NOISE, Description
from .plan import Plan, compared
from .results import MetricInfo, Results
from .stop import Reader
from .unit import Unit

LEVEL = 0.95


def tabulate(plan: Plan, units: Sequence[Unit], fingerprint: str) -> Results:
    """Estimate every metric of every finished unit.

    Args:
        plan: the scenario.
        units: all finished.
        fingerprint: of the scenario and the versions.
    """
    schemes = tuple(scheme.name for scheme in compared(plan))
    points = plan.points()
    metrics = _metric_infos([unit.ended().description for unit in units])
    columns = {metric.name: m for m, metric in enumerate(metrics)}
    shape = (len(schemes), len(points))
    estimates = np.full((5, *shape, len(metrics)), np.nan)
    snr_db = np.full(shape, np.nan)
    num_batches, num_items = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    stopped_by, keys = np.full(shape, "", dtype=object), np.full(shape, "", dtype=object)
    rows = {point.hash: p for p, point in enumerate(points)}
    for unit in units:
        at = schemes.index(unit.scheme), rows[unit.point.hash]
        snr_db[at], num_batches[at] = unit.snr_db, unit.num_read
        reader = unit.ended()
        stopped_by[at], keys[at] = reader.stopped_by, unit.key
        items = reader.counted()
        num_items[at] = len(items["item"])
        for name, found in estimate_all(reader, items).items():
            estimates[(slice(None), *at, columns[name])] = dataclasses.astuple(found)
    value, low, high, count, total = estimates
    return Results(
        name=plan.name, schemes=schemes, points=tuple(dict(point.values) for point in points),
        metrics=metrics, value=value, low=low, high=high, count=count, total=total, snr_db=snr_db,
        num_batches=num_batches, num_items=num_items, stopped_by=stopped_by, level=LEVEL,
        scenario=plan.model_dump_json(), fingerprint=fingerprint, units=keys,
    )


def estimate_all(reader: Reader, columns: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    """Estimate each metric from the columns that count; those of reference lines have a prefix.

    Where there are both, the blind line is the better of noise only and of the prior, for each metric.
    """
    by_errors = reader.stopped_by == "num_target_block_errors"
    metrics = reader.description.metrics
    bases = [name.removeprefix(NOISE) for name in metrics if name.startswith(NOISE)]
    blind = {f"blind_{base}": base for base in bases}
    result = {}
    for name, (metric, prefix) in metrics.items():
        if name not in blind:
            own = {key[len(prefix):]: column for key, column in columns.items() if key.startswith(prefix)}
            result[name] = metric.estimate(own, stopped_by_errors=by_errors, level=LEVEL)
    for name, base in blind.items():
        result[name] = _better(metrics[name][0], result[f"{NOISE}{base}"], result[f"prior_{base}"])
    return result


def _better(metric: Metric, one: Estimate, two: Estimate) -> Estimate:
    """Return the estimate with the better value; the first if they are equal, or if any is NaN."""
    return two if (two.value > one.value if metric.better == "high" else two.value < one.value) else one


def _metric_infos(descriptions: Sequence[Description]) -> tuple[MetricInfo, ...]:
    """Return the union of the metrics, in order of first appearance; reference lines last."""
    found: dict[str, tuple[Any, str]] = {}
    for description in descriptions:
        for name, pair in description.metrics.items():
            found.setdefault(name, pair)
    order = sorted(found, key=lambda name: found[name][1] != "")
    return tuple(
        MetricInfo(name, found[name][0].unit, found[name][0].scale, found[name][0].better) for name in order
    )
