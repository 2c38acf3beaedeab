"""The tables of a report: estimates with intervals and counts, channel uses, and how points ended."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .labels import axis_label, metric_label, point_label, value_label
from .panels import layout, without_verdict

if TYPE_CHECKING:
    from ..engine.results import Results

_ACCOUNTING = (
    ("payload", "Payload"), ("pilots", "Pilots"), ("side_information", "Side information"),
    ("channel_uses", "Total"), ("airtime", "Airtime"),
)


_PLAIN = 0.01


@dataclass(frozen=True)
class Cell:
    """One estimate as text; ``exact`` is the number itself."""

    exact: str
    value: str
    low: str
    high: str
    count: str


@dataclass(frozen=True)
class Table:
    """The estimates of one metric in one panel: a row for each point, a column for each scheme.

    ``note`` says which schemes lack the metric, and why; empty where nothing is to be said.
    """

    metric: str
    title: str
    axis: str
    counts: str
    note: str
    schemes: tuple[str, ...]
    rows: list[tuple[str, list[Cell | None]]]


def number(value: float, scale: str = "linear") -> str:
    """Write a number with 3 significant digits on a logarithmic axis, 4 on a linear one.

    Example:
        >>> number(0.00012345, "log"), number(0.12345, "log"), number(31.41592), number(float("nan"))
        ('1.23e-04', '0.123', '31.42', '–')
    """
    if math.isnan(value):
        return "–"
    if scale == "linear" or value == 0.0:
        return f"{value:.4g}"
    return f"{value:.3g}" if value >= _PLAIN else f"{value:.2e}"


def whole(value: float) -> str:
    r"""Write a count with thin spaces between thousands; a sum that is no whole number with 4 digits.

    Example:
        >>> whole(1234567.0), whole(2.51234)
        ('1\u202f234\u202f567', '2.512')
    """
    if math.isnan(value):
        return "–"
    return f"{int(value):,}".replace(",", "\u202f") if value == int(value) else f"{value:.4g}"


def metric_tables(results: "Results") -> Iterator[Table]:
    """Yield a table for each panel of the figure."""
    plan = layout(results)
    for panel in plan.panels:
        m = [info.name for info in results.metrics].index(panel.metric.name)
        rows = []
        for p in results.select(panel.where):
            label = value_label(results.points[p][plan.along]) if plan.along else "all"
            rows.append((label, [_cell(results, s, p, m) for s in range(len(results.schemes))]))
        title = metric_label(panel.metric.name, panel.metric.unit)
        yield Table(
            metric=panel.metric.name,
            title=f"{title}, {panel.title}" if panel.title else title,
            axis=axis_label(plan.along, results.axes, math=False) if plan.along else "Point",
            counts="count / trials (or n trials where a sum is averaged)",
            note=verdict_note(results, panel.metric.name),
            schemes=results.schemes,
            rows=rows,
        )


def verdict_note(results: "Results", metric: str) -> str:
    """Return which schemes lack a metric because their receiver has no verdict on blocks; empty if none does."""
    names = without_verdict(results, metric)
    return f"no value, as their receiver has no verdict on blocks: {', '.join(names)}" if names else ""


def _cell(results: "Results", s: int, p: int, m: int) -> Cell | None:
    value, low, high, count, total = (
        float(getattr(results, part)[s, p, m]) for part in ("value", "low", "high", "count", "total")
    )
    if math.isnan(value) and math.isnan(high):
        return None
    scale = results.metrics[m].scale
    counted = count == int(count) and 0 <= count <= total if math.isfinite(count) else False
    counts = f"{whole(count)} / {whole(total)}" if counted else f"n = {whole(total)}"
    return Cell(repr(value), number(value, scale), number(low, scale), number(high, scale), counts)


@dataclass(frozen=True)
class Accounting:
    """Channel uses of each scheme, as text."""

    columns: list[str]
    rows: list[tuple[str, list[str]]]


def accounting(results: "Results") -> Accounting | None:
    """Return the channel uses of each scheme, or `None` if the results do not tell them."""
    names = [info.name for info in results.metrics]
    data = {key: results.value[:, :, names.index(key)] for key, _ in _ACCOUNTING if key in names}
    if "payload" not in data and {"channel_uses", "pilots", "side_information"} <= set(data):
        data["payload"] = data["channel_uses"] - data["pilots"] - data["side_information"]
    if not data:
        return None
    shown = [(key, label) for key, label in _ACCOUNTING if key in data]
    rows = [
        (scheme, [_spread(data[key][s]) for key, _ in shown]) for s, scheme in enumerate(results.schemes)
    ]
    return Accounting([label for _, label in shown], rows)


def _spread(values: np.ndarray) -> str:
    values = values[np.isfinite(values)]
    if values.size == 0:
        return "–"
    mean = whole(round(float(values.mean()), 1))
    low, high = float(values.min()), float(values.max())
    return mean if high - low < 0.05 else f"{mean} ({whole(round(low, 1))} to {whole(round(high, 1))})"


def endings(results: "Results") -> list[tuple[str, list[tuple[str, str]]]]:
    """Return, for each point, items and stop rule of each scheme."""
    rows = []
    for p, point in enumerate(results.points):
        cells = [
            (f"{whole(float(results.num_items[s, p]))} items", _reason(str(results.stopped_by[s, p])))
            for s in range(len(results.schemes))
        ]
        rows.append((point_label(point), cells))
    return rows


def _reason(rule: str) -> str:
    return {
        "num_items": "all items of the data set",
        "num_target_block_errors": "enough block errors",
        "target_relative_width": "interval narrow enough",
        "max_mc_iter": "largest number of batches",
        "": "not simulated",
    }.get(rule, rule)
