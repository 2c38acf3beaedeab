"""The legend below a figure: schemes, theory, reference lines, and what the marks mean."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from .drawing import bound_style, theory_colour
from .labels import REFERENCES, reference_meaning
from .panels import Layout, series
from .style import GREYS, REFERENCE_DASHES, scheme_style, theory_style
from .theory import TheoryLine

if TYPE_CHECKING:
    from ..engine.results import Results

_CHARACTERS = 15.5
"""Characters of legend text in an inch of width."""


def legend_entries(results: "Results", plan: Layout, lines: Sequence[TheoryLine]) -> list[Line2D]:
    """Return one labelled handle for each kind of line and mark that the figure shows."""
    entries = [
        Line2D([], [], **scheme_style(index), markeredgecolor="white", markeredgewidth=0.7, label=scheme)
        for index, scheme in enumerate(results.schemes)
    ]
    shown = {panel.metric.name for panel in plan.panels}
    for index, line in enumerate(lines):
        if line.metric in shown:
            style = theory_style(index, theory_colour(line, results.schemes))
            name = f"{line.name} (theory)" if line.name in results.schemes else line.name
            entries.append(Line2D([], [], **style, label=name))
    names = {metric.name for metric in results.metrics}
    for prefix in REFERENCES:
        if any(prefix + metric in names for metric in shown):
            meaning = reference_meaning(prefix, names)
            style = {"color": GREYS[1], "dashes": REFERENCE_DASHES[prefix], "linewidth": 1.3}
            entries.append(Line2D([], [], **style, label=f"{prefix.rstrip('_')}: {meaning}"))
    if any(np.isfinite(results.low[:, :, m]).any() for m, info in enumerate(results.metrics) if info.name in shown):
        entries.append(_interval(results.level))
    if any_bound(results, plan):
        style = bound_style(GREYS[1], centred=True)
        entries.append(Line2D([], [], **style, label="no error seen: upper bound"))
    return entries


def any_bound(results: "Results", plan: Layout) -> bool:
    """Whether any point of the figure is only an upper bound."""
    return any(
        series(results, scheme, panel.metric.name, panel, plan.along).bounded.any()
        for panel in plan.panels
        for scheme in results.schemes
    )


def num_columns(entries: Sequence[Line2D], width: float) -> int:
    """Return how many columns fill ``width`` inches evenly; at most 4."""
    longest = max(len(str(entry.get_label())) for entry in entries) + 7
    most = max(1, min(4, len(entries), int(width * _CHARACTERS / longest)))
    num_rows = -(-len(entries) // most)
    return -(-len(entries) // num_rows)


def _interval(level: float) -> Line2D:
    return Line2D(
        [], [], color=GREYS[1], marker="|", markersize=11, markeredgewidth=1.1, linestyle="none",
        label=f"{100 * level:g} % interval",
    )
