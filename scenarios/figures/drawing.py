"""Draw the content of one panel."""

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.path import Path
from matplotlib.transforms import ScaledTranslation

from .labels import REFERENCES, axis_label, metric_label, value_label
from .panels import Panel, Series, is_numeric, series, without_verdict
from .style import GREYS, REFERENCE_DASHES, scheme_style, theory_style
from .theory import TheoryLine

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..engine.results import Results

_MOST_TICKS = 9
_MOST_MARKERS = 24
"""Of a curve; with more points some have none, so that curves behind it are seen."""

_NOTE_WIDTH = 48
"""Characters in a line of a note in a panel."""

_SHORT = 8
_SPREAD = 0.6
"""Share of the room between values that are no numbers over which schemes stand side by side."""

_DODGE = 6.0
"""Points by which upper bounds of neighbouring schemes stand apart: equal trials give equal bounds."""


def draw_panel(
    axes: "Axes", results: "Results", panel: Panel, along: str | None, lines: Sequence[TheoryLine]
) -> None:
    """Draw theory, reference lines and schemes, in this order from back to front.

    Args:
        axes: matplotlib axes.
        results: of the run.
        panel: what belongs here.
        along: the swept path of the x axis.
        lines: all theory lines; those that belong here are drawn.
    """
    if panel.metric.scale == "log":
        axes.set_yscale("log")
    for index, line in enumerate(lines):
        if line.metric == panel.metric.name and line.belongs(panel.where):
            _draw_theory(axes, line, theory_style(index, theory_colour(line, results.schemes)), panel)
    names = {metric.name for metric in results.metrics}
    for index, scheme in enumerate(results.schemes):
        colour = scheme_style(index)["color"]
        for prefix in REFERENCES:
            if prefix + panel.metric.name in names:
                reference = series(results, scheme, prefix + panel.metric.name, panel, along)
                _draw_reference(axes, reference, prefix, colour)
    data = [series(results, scheme, panel.metric.name, panel, along) for scheme in results.schemes]
    joined = along is not None and is_numeric(results.axes[along])
    if not joined and along is not None:
        middle, step = (len(data) - 1) / 2, _SPREAD / len(data)
        data = [replace(one, x=one.x + (index - middle) * step) for index, one in enumerate(data)]
    for index, one in enumerate(data):
        draw_series(axes, one, scheme_style(index), joined)
    draw_bounds(axes, data)
    _note(axes, without_verdict(results, panel.metric.name))
    _label(axes, results, panel, along)


def theory_colour(line: TheoryLine, schemes: Sequence[str]) -> str | None:
    """Return the colour of the scheme that a theory line is named after, or `None`.

    Its name is the scheme's, or begins with it: "16-QAM (exact)" belongs to "16-QAM".
    """
    owners = [scheme for scheme in schemes if line.name == scheme or line.name.startswith(scheme + " ")]
    if not owners:
        return None
    return scheme_style(list(schemes).index(max(owners, key=len)))["color"]


def draw_series(axes: "Axes", data: Series, style: dict[str, Any], joined: bool) -> None:
    """Draw the estimates of a scheme with bars for their intervals; NaN is not drawn.

    Args:
        axes: matplotlib axes.
        data: of the scheme.
        style: colour and marker.
        joined: whether a line joins the points; values that are no numbers have no in-between.
    """
    shown = data.drawn
    value = np.where(shown, data.value, np.nan)
    colour = style["color"]
    line = "-" if joined else "none"
    axes.plot(
        data.x, value, **style, linestyle=line, markeredgecolor="white", markeredgewidth=0.7, zorder=4,
        markevery=max(1, -(-value.size // _MOST_MARKERS)),
    )  # fmt: skip
    bars = shown & np.isfinite(data.low) & np.isfinite(data.high)
    floor = np.where(data.log & (data.low <= 0), np.where(bars, data.value * 1e-6, np.nan), data.low)
    below = np.maximum(data.value - floor, 0.0)[bars]
    above = np.maximum(data.high - data.value, 0.0)[bars]
    axes.errorbar(
        data.x[bars], data.value[bars], yerr=[below, above], fmt="none", ecolor=colour, elinewidth=1.1,
        capsize=2.6, capthick=1.1, alpha=0.85, zorder=3,
    )


def draw_bounds(axes: "Axes", data: Sequence[Series]) -> None:
    """Draw the upper bounds of points without errors, side by side where schemes share a place.

    Args:
        axes: matplotlib axes.
        data: of each scheme.
    """
    for x in sorted({float(x) for one in data for x in one.x[one.bounded]}):
        here = [(i, one.high[one.bounded & (one.x == x)]) for i, one in enumerate(data)]
        here = [(i, high) for i, high in here if high.size]
        for rank, (index, high) in enumerate(here):
            shift = (rank - (len(here) - 1) / 2) * _DODGE / 72.0
            style = bound_style(scheme_style(index)["color"])
            place = axes.transData + ScaledTranslation(shift, 0.0, axes.figure.dpi_scale_trans)
            axes.plot([x], high[:1], **style, transform=place, zorder=3, clip_on=False)


def bound_style(colour: str, *, centred: bool = False) -> dict[str, Any]:
    """Return the style of an upper bound: a bar and an arrow down from it, from the bound or around it."""
    top, tip, barb = (6.0, -6.0, -2.0) if centred else (0.0, -12.0, -8.0)
    vertices = [(-3.0, top), (3.0, top), (0.0, top), (0.0, tip), (-2.6, barb), (0.0, tip), (2.6, barb)]
    move, line = Path.MOVETO, Path.LINETO
    codes = [move, line, move, line, move, line, line]
    extent = max(abs(coordinate) for vertex in vertices for coordinate in vertex)
    return {
        "marker": Path(vertices, codes), "markersize": (1.6 if centred else 2.0) * extent,
        "markerfacecolor": "none", "markeredgecolor": colour, "markeredgewidth": 1.2, "linestyle": "none",
    }


def _draw_theory(axes: "Axes", line: TheoryLine, style: dict[str, Any], panel: Panel) -> None:
    y = np.where(line.y > 0, line.y, np.nan) if panel.metric.scale == "log" else line.y
    if line.x.size == 1:
        axes.axhline(float(y[0]), **style, zorder=2)
    else:
        axes.plot(line.x, y, **style, zorder=2)


def _draw_reference(axes: "Axes", data: Series, prefix: str, colour: str) -> None:
    value = np.where(data.drawn, data.value, np.nan)
    style: Any = {"color": colour, "dashes": REFERENCE_DASHES[prefix], "linewidth": 1.3, "zorder": 2.5}
    if data.x.size == 1:
        axes.axhline(float(value[0]), **style)
    else:
        axes.plot(data.x, value, **style)


def _note(axes: "Axes", schemes: Sequence[str]) -> None:
    """Tell in the panel which schemes have no curve here."""
    if schemes:
        why = "no block error rate, as their receiver has no verdict: "
        text = textwrap.fill(why + ", ".join(schemes), _NOTE_WIDTH)
        axes.text(
            0.02, 0.02, text, transform=axes.transAxes, fontsize="x-small", color=GREYS[1], va="bottom", zorder=5
        )


def _label(axes: "Axes", results: "Results", panel: Panel, along: str | None) -> None:
    axes.set_title(panel.title)
    if not panel.title or panel.column == 0:
        axes.set_ylabel(metric_label(panel.metric.name, panel.metric.unit))
    if along is None:
        axes.set_xticks(range(len(results.schemes)), results.schemes, rotation=20, ha="right")
        axes.set_xlim(-0.5, len(results.schemes) - 0.5)
        return
    axes.set_xlabel(axis_label(along, results.axes))
    values = results.axes[along]
    numeric = is_numeric(values)
    places = sorted(values) if numeric else list(range(len(values)))
    margin = 0.05 * (places[-1] - places[0]) or 0.5
    margin = margin if numeric else 0.5
    axes.set_xlim(places[0] - margin, places[-1] + margin)
    if not numeric:
        names = [value_label(value) for value in values]
        turned: Any = {"rotation": 20, "ha": "right"} if max(map(len, names)) > _SHORT else {}
        axes.set_xticks(places, names, **turned)
    elif len(values) <= _MOST_TICKS:
        axes.set_xticks(places, [f"{v:g}" for v in places])
