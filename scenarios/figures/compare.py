"""Differences between runs: paired where schemes met the same items, else between two samples."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from .labels import is_curve, metric_label, point_label
from .numbers import number, whole
from .pairing import Side, metrics_of, pairable
from .panels import is_numeric

if TYPE_CHECKING:
    from ..engine.results import MetricInfo, Results


@dataclass(frozen=True)
class Row:
    """One metric of two schemes at one point.

    Args:
        pair: index of the pair in :attr:`Comparison.pairs`.
        metric: what is compared.
        point: values of the swept paths.
        a: estimate of the first scheme, on its own.
        b: estimate of the second.
        difference: b minus a; over the common items if ``method`` is "paired".
        low: lower end of the difference's interval.
        high: upper end.
        num_items: common items, or `None` for two samples.
        method: "paired" or "two-sample".
    """

    pair: int
    metric: "MetricInfo"
    point: Mapping[str, Any]
    a: float
    b: float
    difference: float
    low: float
    high: float
    num_items: int | None
    method: Literal["paired", "two-sample"]

    @property
    def verdict(self) -> str:
        """What the interval says of b: "better", "worse", or "undecided" where it holds zero."""
        if not (self.low > 0 or self.high < 0):
            return "undecided"
        return "better" if (self.low > 0) == (self.metric.better == "high") else "worse"


class TextTable(NamedTuple):
    """A table as text: what it is, its header, and its rows."""

    title: str
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` found.

    Args:
        pairs: names of the two schemes of each pair; the difference is second minus first.
        rows: by pair, metric and point.
        level: coverage of the intervals, each by itself: of 20 such intervals, one of 95 % misses
            on average.
        notes: why a pair could not be compared item by item.
    """

    pairs: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    level: float
    notes: tuple[str, ...]

    def tables(self) -> Iterator[TextTable]:
        """Yield a table for each pair and metric."""
        for index, (a, b) in enumerate(self.pairs):
            mine = [row for row in self.rows if row.pair == index]
            for metric in dict.fromkeys(row.metric for row in mine):
                title = f"{metric_label(metric.name, metric.unit)}: {b} minus {a}"
                header = ["Point", a, b, "Difference", f"{100 * self.level:g} % interval", "Items", "Verdict"]
                yield TextTable(title, header, [_cells(row) for row in mine if row.metric == metric])

    def plot(self, path: str | Path) -> Path:
        """Draw the differences with their intervals as a PNG; see :func:`.curves.plot_results`."""
        from .curves import write_png

        logarithmic = {row.metric.name for row in self.rows if row.metric.scale == "log"}
        return write_png(self.as_results(), path, differences=logarithmic)

    def as_results(self) -> "Results":
        """Return the differences as results whose schemes are the pairs."""
        from ..engine.results import MetricInfo, Results

        points = list({_key(row.point): row.point for row in self.rows}.values())
        infos = list(dict.fromkeys(row.metric for row in self.rows))
        shape = (len(self.pairs), len(points), len(infos))
        value, low, high, total = (np.full(shape, np.nan) for _ in range(4))
        for row in self.rows:
            at = row.pair, points.index(row.point), infos.index(row.metric)
            value[at], low[at], high[at] = row.difference, row.low, row.high
            total[at] = math.nan if row.num_items is None else row.num_items
        empty = np.full(shape[:2], "", dtype=object)
        return Results(
            name="comparison", schemes=tuple(f"{b} − {a}" for a, b in self.pairs), points=tuple(points),
            metrics=tuple(MetricInfo(info.name, info.unit, "linear", info.better) for info in infos),
            value=value, low=low, high=high, count=np.full(shape, np.nan), total=total,
            snr_db=np.full(shape[:2], np.nan), num_batches=np.zeros(shape[:2], np.int64),
            num_items=np.zeros(shape[:2], np.int64), stopped_by=empty, level=self.level,
        )


def compare(folders: Sequence[str | Path], level: float = 0.95) -> Comparison:
    """Compare the schemes of one run with its first scheme, or runs with the first of them.

    Of several runs, schemes of the same name are compared; a run whose names all differ from the
    first one's is compared with the first scheme of the first run. Only points that both have
    count. Differences are paired, which is far sharper, where both schemes met the same items: the
    same data set, or the same seed and batch size of random payloads. Else the interval comes from
    those of the two estimates (Zou and Donner, "Construction of confidence limits about effect
    measures", Statistics in Medicine 27, 2008).

    Args:
        folders: run folders.
        level: coverage of paired intervals; two-sample intervals have the level of the results.

    Raises:
        ValueError: if nothing is there to compare, or the levels differ.
        RunError: if a folder has no finished run.

    Example:
        >>> compare(["runs/ldpc", "runs/turbo"]).plot("difference.png")  # doctest: +SKIP
    """
    from ..engine.results import Results

    loaded = [(Path(folder), Results.load(folder)) for folder in folders]
    if not loaded:
        raise ValueError("folders: none given; at least one run folder is needed")
    levels = {results.level for _, results in loaded} | {level}
    if len(levels) > 1:
        raise ValueError(f"level: {level!r} given, but the results have {sorted(levels - {level})}")
    pairs = list(_pairs(loaded))
    if not pairs:
        raise ValueError("folders: one run with one scheme has nothing to compare with; give another run")
    notes: dict[str, None] = {}
    rows = [row for index, pair in enumerate(pairs) for row in _rows(index, *pair, level, notes)]
    if not rows:
        raise ValueError("folders: the runs have no point and metric in common")
    many = len(loaded) > 1
    names = tuple((a.title(many), b.title(many)) for a, b in pairs)
    return Comparison(names, tuple(rows), level, tuple(notes))


def _pairs(loaded: Sequence[tuple[Path, "Results"]]) -> Iterator[tuple[Side, Side]]:
    (folder, first), *others = loaded
    base = Side(folder, first, first.schemes[0])
    if not others:
        for scheme in first.schemes[1:]:
            yield base, Side(folder, first, scheme)
    for path, results in others:
        common = [scheme for scheme in results.schemes if scheme in first.schemes]
        for scheme in common:
            yield Side(folder, first, scheme), Side(path, results, scheme)
        for scheme in () if common else results.schemes:
            yield base, Side(path, results, scheme)


def _rows(index: int, a: Side, b: Side, level: float, notes: dict[str, None]) -> Iterator[Row]:
    shared = [info for info in a.results.metrics if is_curve(info.name) and info in b.results.metrics]
    places = {_key(point): p for p, point in enumerate(b.results.points)}
    for pa, point in enumerate(a.results.points):
        pb = places.get(_key(point))
        if pb is None:
            continue
        known = [info for info in shared if a.known(pa, info.name) and b.known(pb, info.name)]
        reason = pairable(a, pa, b, pb) if known else None
        if reason is not None:
            notes.setdefault(f"{a.title()} and {b.title()}: {reason}; two-sample intervals")
        columns = (a.items(pa), b.items(pb)) if known and reason is None else None
        metrics = metrics_of(a, pa) if columns is not None else {}
        for info in known:
            if columns is not None and info.name in metrics:
                yield _paired(index, info, point, a.value(pa, info.name), b.value(pb, info.name),
                              metrics[info.name], columns, level)
            else:
                yield _two_sample(index, info, point, a.estimate(pa, info.name), b.estimate(pb, info.name))


def _paired(
    index: int, info: "MetricInfo", point: Mapping[str, Any], a: float, b: float, metric: Any,
    columns: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]], level: float,
) -> Row:
    from ..statistics.paired import paired_difference

    found = paired_difference(metric, columns[1], columns[0], level)
    return Row(index, info, point, a, b, found.value, found.low, found.high, found.num_items, "paired")


def _two_sample(
    index: int, info: "MetricInfo", point: Mapping[str, Any],
    a: tuple[float, float, float], b: tuple[float, float, float],
) -> Row:
    """Combine the intervals of two independent estimates (Zou and Donner, 2008, eq. 3)."""
    (va, la, ua), (vb, lb, ub) = a, b
    difference = vb - va
    low = difference - math.hypot(vb - lb, ua - va)
    high = difference + math.hypot(ub - vb, va - la)
    return Row(index, info, point, va, vb, difference, low, high, None, "two-sample")


def _key(point: Mapping[str, Any]) -> str:
    return repr(sorted((path, _canonical(value)) for path, value in point.items()))


def _canonical(value: Any) -> str:
    return repr(float(value) if is_numeric([value]) else value)


def _cells(row: Row) -> list[str]:
    scale = row.metric.scale
    numbers = [number(row.a, scale), number(row.b, scale), f"{row.difference:+.3g}"]
    items = "two samples" if row.num_items is None else f"{whole(row.num_items)} common"
    return [point_label(row.point), *numbers, f"[{row.low:+.3g}, {row.high:+.3g}]", items, row.verdict]
