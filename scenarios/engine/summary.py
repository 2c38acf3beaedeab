"""``summary.json``: the results for people and for tools that read no HDF5."""

import math
from typing import Any

from .results import Results


def summary(results: Results) -> dict[str, Any]:
    """Return the results as nested records; what was never simulated is null."""
    return {
        "name": results.name,
        "level": results.level,
        "metrics": {m.name: {"unit": m.unit, "scale": m.scale, "better": m.better} for m in results.metrics},
        "results": [
            _record(results, s, p) for s in range(len(results.schemes)) for p in range(len(results.points))
        ],
    }


def _record(results: Results, s: int, p: int) -> dict[str, Any]:
    return {
        "scheme": results.schemes[s],
        "point": dict(results.points[p]),
        "snr_db": _number(results.snr_db[s, p]),
        "num_batches": int(results.num_batches[s, p]),
        "num_items": int(results.num_items[s, p]),
        "stopped_by": str(results.stopped_by[s, p]),
        "metrics": {
            metric.name: {
                field: _number(getattr(results, field)[s, p, m])
                for field in ("value", "low", "high", "count", "total")
            }
            for m, metric in enumerate(results.metrics)
            if not math.isnan(results.total[s, p, m])
        },
    }


def _number(value: float) -> float | int | None:
    value = float(value)
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
