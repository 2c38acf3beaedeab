"""curves.png: every metric of a run along its sweep."""

import io
import json
from collections.abc import Iterable, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .labels import REFERENCES
from .panels import Layout, layout, series
from .published import published_lines
from .theory import TheoryLine, theory_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..engine.results import MetricInfo, Results


def plot_results(results: "Results", path: str | Path) -> Path:
    """Draw the curves of a run: one panel for each metric and combination of the other swept paths.

    Error rates have a logarithmic axis. Bars are the intervals of the results; a point without
    errors is an arrow down from its upper bound; a point never simulated is not drawn. Theory is
    dashed, reference lines (``clean_``, ``blind_``) have the colour of their scheme. The same
    results give the same bytes.

    Args:
        results: of the run.
        path: PNG to write; its folder exists.

    Returns:
        the path.

    Raises:
        ValueError: if no metric has a value to draw.
    """
    return write_png(results, path)


def write_png(results: "Results", path: str | Path, differences: Set[str] | None = None) -> Path:
    """Write the PNG of :func:`plot_results`; ``differences`` as in :func:`draw`."""
    from ..engine.files import replace_file

    path, image = Path(path), png(results, differences)
    with replace_file(path) as temporary:
        temporary.write_bytes(image)
    return path


def png(results: "Results", differences: Set[str] | None = None) -> bytes:
    """Return the bytes of the PNG; ``differences`` as in :func:`draw`."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from .style import DPI, RC

    buffer = io.BytesIO()
    with rc_context(RC):
        figure = draw(results, differences)
        FigureCanvasAgg(figure)
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def draw(results: "Results", differences: Set[str] | None = None) -> "Figure":
    """Return the figure of a run, inside the caller's matplotlib settings.

    Args:
        results: of the run.
        differences: given if the values are differences, which get a line at zero: names of the
            metrics whose own axis is logarithmic.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    from .drawing import draw_panel
    from .legend import legend_entries, num_columns
    from .style import NARROW, WIDTH

    plan = layout(results)
    scenario = json.loads(results.scenario)
    lines = [*theory_lines(scenario), *published_lines(scenario)]
    width = NARROW if plan.num_columns == 1 else WIDTH
    entries = legend_entries(results, plan, lines)
    columns = num_columns(entries, width)
    legend_height = 0.24 * -(-len(entries) // columns) + 0.15
    panel_height = {1: 4.3, 2: 3.7}.get(plan.num_columns, 3.1)
    size = width, panel_height * plan.num_rows + legend_height
    figure = Figure(size, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.02, hspace=0.03))
    grid = figure.add_gridspec(plan.num_rows, plan.num_columns)
    limits = {panel.metric.name: value_limits(results, plan, panel.metric, lines) for panel in plan.panels}
    for panel in plan.panels:
        axes = figure.add_subplot(grid[panel.row, panel.column])
        draw_panel(axes, results, panel, plan.along, lines)
        axes.set_ylim(*limits[panel.metric.name])
        if differences is not None:
            _zero_line(axes, limits[panel.metric.name], panel.metric.name in differences)
        _ticks(axes)
    figure.legend(handles=entries, loc="outside lower center", ncols=columns)
    return figure


def value_limits(
    results: "Results", plan: Layout, metric: "MetricInfo", lines: Sequence[TheoryLine] = ()
) -> tuple[float, float]:
    """Return the common limits of the panels of a metric.

    On a logarithmic axis whole decades that hold all estimates and upper bounds, but neither the
    lower ends of intervals nor theory, which run out of the panel; on a linear axis all of them.
    """
    panels = [panel for panel in plan.panels if panel.metric.name == metric.name]
    data = [series(results, s, metric.name, p, plan.along) for s in results.schemes for p in panels]
    if metric.scale == "log":
        return _decades(np.concatenate([p for d in data for p in (d.value[d.drawn], d.high[d.bounded])]))
    parts = [part for d in data for part in (d.value, d.low, d.high)]
    parts += [line.y for line in lines if line.metric == metric.name]
    parts += _reference_values(results, metric.name)
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    return low - margin, high + margin


def _reference_values(results: "Results", metric: str) -> Iterable[np.ndarray]:
    names = [info.name for info in results.metrics]
    return [results.value[:, :, names.index(p + metric)].ravel() for p in REFERENCES if p + metric in names]


def _decades(values: np.ndarray) -> tuple[float, float]:
    low = 10.0 ** np.floor(np.log10(values.min() * 0.7))
    high = 10.0 ** np.ceil(np.log10(values.max() * 0.999))
    return float(low), float(max(high, 10.0 * low)) * 1.15


def _zero_line(axes: "Axes", limits: tuple[float, float], logarithmic: bool) -> None:
    axes.axhline(0.0, color="#222222", linewidth=1.0, zorder=2)
    axes.set_ylabel(f"Δ {axes.get_ylabel()}" if axes.get_ylabel() else "")
    if logarithmic:  # differences of error rates span decades on both sides of zero
        largest = np.ceil(np.log10(max(map(abs, limits))))
        axes.set_yscale("symlog", linthresh=10.0 ** (largest - 3.0), linscale=0.7)
        axes.set_ylim(*(1.5 * limit for limit in limits))


def _ticks(axes: "Axes") -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    if axes.get_yscale() == "log":
        axes.yaxis.set_major_locator(LogLocator(numticks=12))
        axes.yaxis.set_minor_locator(LogLocator(subs=tuple(range(2, 10)), numticks=12))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(which="minor", axis="y", color="#efefef", linewidth=0.5)
