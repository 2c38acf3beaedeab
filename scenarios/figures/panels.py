"""Which panels a figure has: one for each metric and each combination of the other swept paths."""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .labels import VERDICT, axis_label, is_curve, value_label

if TYPE_CHECKING:
    from ..engine.results import MetricInfo, Results

NOT_SPENT = ("step", "snr_db", "ebno_db")
"""Axes along which airtime, if it varies, is not what the figure is about."""

_SAME = 0.05
"""Resource elements; as the table of channel uses, which tells no smaller spread."""

MOST = 24
"""Panels of a picture; with more, what a metric is for a group of items is told by the table alone."""


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Args:
        metric: what is drawn.
        where: values of the swept paths that are not on the x axis.
        title: what tells this panel from the others of its metric.
        row: place in the figure, from the top.
        column: place in the figure, from the left.
    """

    metric: "MetricInfo"
    where: Mapping[str, Any]
    title: str
    row: int
    column: int


@dataclass(frozen=True)
class Layout:
    """The panels of a figure.

    Args:
        along: the swept path on the x axis, or `None` for a run without a sweep.
        panels: in reading order; where there are several of a metric, they start a new row.
    """

    along: str | None
    panels: tuple[Panel, ...]

    @property
    def num_rows(self) -> int:
        """Rows of panels."""
        return 1 + max(panel.row for panel in self.panels)

    @property
    def num_columns(self) -> int:
        """Panels side by side, at most 3."""
        return 1 + max(panel.column for panel in self.panels)


def x_axis(results: "Results") -> str | None:
    """Return the swept path of the x axis: ``along``, else steps, the SNR, the first path of numbers, the first."""
    axes = results.axes
    chosen = json.loads(results.scenario).get("along")
    if chosen in axes:
        return chosen
    for path in ("step", "snr_db", "ebno_db"):
        if path in axes:
            return path
    numeric = [path for path, values in axes.items() if is_numeric(values) and len(values) > 1]
    return next(iter([*numeric, *axes]), None)


def is_numeric(values: Any) -> bool:
    """Whether all values are numbers (true and false are not)."""
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def layout(results: "Results") -> Layout:
    """Lay out the panels of a run; airtime has one where it varies along an axis that is not the SNR.

    Metrics of groups of items have panels unless there would be more than :data:`MOST`.

    Raises:
        ValueError: if no metric has a value to draw.
    """
    along, axes = x_axis(results), results.axes
    others = [path for path in axes if path != along]
    combinations = itertools.product(*(axes[path] for path in others))
    facets = [dict(zip(others, values, strict=True)) for values in combinations]
    shown = [path for path in others if len(axes[path]) > 1]
    metrics = [
        metric for metric in results.metrics
        if (is_curve(metric.name) or (metric.name == "airtime" and _spends(results, along)))
        and any(results.has(scheme, metric.name) for scheme in results.schemes)
    ]
    if not metrics:
        raise ValueError("results: no metric has a value to draw; the run holds no finished point")
    if len(metrics) * len(facets) > MOST:
        metrics = [metric for metric in metrics if not _of_group(metric.name, [info.name for info in metrics])]
    wide = _columns(len(facets) if len(facets) > 1 else len(metrics))
    rows = -(-len(facets) // wide)
    panels = []
    for m, metric in enumerate(metrics):
        for f, where in enumerate(facets):
            row, column = (m * rows + f // wide, f % wide) if len(facets) > 1 else divmod(m, wide)
            title = ", ".join(f"{axis_label(p, axes)} = {value_label(where[p])}" for p in shown)
            panels.append(Panel(metric, where, title, row, column))
    return Layout(along, tuple(panels))


def _of_group(name: str, names: Iterable[str]) -> bool:
    """Tell whether a metric, such as accuracy_count, is another one of a part of the items."""
    return any(name.startswith(f"{whole}_") for whole in names)


def _spends(results: "Results", along: str | None) -> bool:
    """Tell whether the airtime of any scheme varies along an axis of other numbers than the SNR."""
    if along is None or along in NOT_SPENT or not is_numeric(results.axes[along]):
        return False
    value = results.value[:, :, [info.name for info in results.metrics].index("airtime")]
    return any(np.ptp(one[np.isfinite(one)]) > _SAME for one in value if np.isfinite(one).any())


def without_verdict(results: "Results", metric: str) -> tuple[str, ...]:
    """Return the schemes that were run but lack a metric, because their receiver has no verdict on blocks."""
    if metric not in VERDICT:
        return ()
    run = (scheme for s, scheme in enumerate(results.schemes) if results.num_items[s].any())
    return tuple(scheme for scheme in run if not results.has(scheme, metric))


def _columns(count: int) -> int:
    return {1: 1, 2: 2, 4: 2}.get(count, 3)


@dataclass(frozen=True)
class Series:
    """One metric of one scheme in one panel; every array is [num_points], float64.

    Args:
        x: positions on the axis: the swept numbers, or 0, 1, ... where they are no numbers.
        value: estimates; NaN where nothing was simulated.
        low: lower ends of the intervals.
        high: upper ends.
        log: whether the axis of the values is logarithmic.
    """

    x: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    log: bool

    @property
    def drawn(self) -> np.ndarray:
        """Which points have a place on the axis of the values, [num_points], bool."""
        return np.isfinite(self.value) & ((self.value > 0) | (not self.log))

    @property
    def bounded(self) -> np.ndarray:
        """Which points saw no error on a logarithmic axis, so that only their upper bound can be drawn."""
        return ~self.drawn & np.isfinite(self.high) & (self.high > 0) & self.log


def series(results: "Results", scheme: str, metric: str, panel: Panel, along: str | None) -> Series:
    """Return one metric of one scheme in a panel, ordered along the axis.

    Args:
        results: of the run.
        scheme: name of the scheme.
        metric: name of the metric, which may be a reference line of the panel's own.
        panel: where to draw.
        along: the swept path of the axis; `None` puts each scheme at a place of its own.
    """
    s = results.schemes.index(scheme)
    m = [info.name for info in results.metrics].index(metric)
    rows = results.select(panel.where)
    x = np.array([float(s)])
    if along is not None:
        values = results.axes[along]
        given = [results.points[row][along] for row in rows]
        x = np.array([float(v) if is_numeric(values) else float(values.index(v)) for v in given])
    order = np.argsort(x, kind="stable")
    value, low, high = (getattr(results, part)[s, rows, m][order] for part in ("value", "low", "high"))
    return Series(x[order], value, low, high, panel.metric.scale == "log")
