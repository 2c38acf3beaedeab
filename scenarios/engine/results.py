"""The numbers of a run: scheme x point x metric, with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True)
class MetricInfo:
    """How to label and read a metric.

    Args:
        name: as in result files; reference lines are ``clean_<name>``, ``blind_<name>`` and ``prior_<name>``,
            and ``noise_<name>`` where the blind line is the better of noise only and of the prior.
        unit: of the value; empty for a pure number.
        scale: axis on which it is read, "log" or "linear".
        better: whether a "low" or a "high" value is better.
    """

    name: str
    unit: str = ""
    scale: Literal["log", "linear"] = "linear"
    better: Literal["low", "high"] = "high"


@dataclass(frozen=True)
class Curve:
    """One metric of one scheme along one axis; every array is [num_points].

    Args:
        x: values along the axis, as they stand in the scenario.
        value: point estimates; NaN where nothing was simulated.
        low: lower ends of the intervals.
        high: upper ends; for a point with zero errors, its upper bound.
        count: events, or the sum that the value comes from.
        total: trials that ``count`` is out of.
        snr_db: Es/N0 of the scheme at these points, dB.
    """

    x: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray
    total: np.ndarray
    snr_db: np.ndarray


@dataclass(frozen=True)
class Results:
    """What a run found.

    Args:
        name: the scenario's.
        schemes: [num_schemes] names.
        points: [num_points] values of the swept paths.
        metrics: [num_metrics]; the union over all schemes.
        value: [num_schemes, num_points, num_metrics], float64; NaN for what was never simulated
            or does not apply to a scheme.
        low: same shape; lower end of the interval.
        high: same shape; upper end of the interval.
        count: same shape; events, or the sum that the value comes from.
        total: same shape; trials that ``count`` is out of.
        snr_db: [num_schemes, num_points], float64; Es/N0 in dB, also where the scenario gives Eb/N0.
        num_batches: [num_schemes, num_points], int64; batches counted by the stop rule.
        num_items: [num_schemes, num_points], int64; items counted. Under error-count stopping the
            last of them is the one with the target error.
        stopped_by: [num_schemes, num_points] names of the rule that ended each point:
            "num_items", "num_target_block_errors", "target_relative_width" or "max_mc_iter".
        level: coverage of the intervals.
        scenario: text of the scenario, JSON.
        fingerprint: of the scenario and the versions that the arrays come from.
        units: [num_schemes, num_points] keys of the batches in the run folder's journal.

    Example:
        >>> results = Results.load("runs/quickstart/results.h5")      # doctest: +SKIP
        >>> curve = results.curve("JPEG + LDPC", "psnr", along="snr_db")  # doctest: +SKIP
        >>> curve.x, curve.value, curve.low, curve.high               # doctest: +SKIP
    """

    name: str
    schemes: tuple[str, ...]
    points: tuple[Mapping[str, Any], ...]
    metrics: tuple[MetricInfo, ...]
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray
    total: np.ndarray
    snr_db: np.ndarray
    num_batches: np.ndarray
    num_items: np.ndarray
    stopped_by: np.ndarray
    level: float = 0.95
    scenario: str = "{}"
    fingerprint: str = ""
    units: np.ndarray | None = None

    @property
    def axes(self) -> dict[str, list[Any]]:
        """The swept paths with their values in order of appearance."""
        axes: dict[str, list[Any]] = {}
        for point in self.points:
            for path, value in point.items():
                seen = axes.setdefault(path, [])
                if value not in seen:
                    seen.append(value)
        return axes

    def metric(self, name: str) -> MetricInfo:
        """Return the metric called ``name``.

        Raises:
            ValueError: with the names there are.
        """
        return self.metrics[_index("metric", name, [m.name for m in self.metrics])]

    def has(self, scheme: str, metric: str) -> bool:
        """Whether ``scheme`` has any value of ``metric``."""
        s = _index("scheme", scheme, self.schemes)
        m = _index("metric", metric, [m.name for m in self.metrics])
        return bool(np.isfinite(self.value[s, :, m]).any() or np.isfinite(self.high[s, :, m]).any())

    def select(self, where: Mapping[str, Any] | None = None) -> list[int]:
        """Return the indices of the points that have all the values in ``where``.

        Raises:
            ValueError: if ``where`` names a path that is not swept or a value it never takes.
        """
        where = dict(where or {})
        axes = self.axes
        for path, value in where.items():
            _index("where", path, list(axes))
            _index(path, value, axes[path])
        return [i for i, p in enumerate(self.points) if all(p[k] == v for k, v in where.items())]

    def curve(
        self, scheme: str, metric: str, along: str, where: Mapping[str, Any] | None = None
    ) -> Curve:
        """Return one metric of one scheme along a swept path.

        Args:
            scheme: name of the scheme.
            metric: name of the metric.
            along: the swept path of the x axis.
            where: values of the other swept paths; needed as soon as there are several.

        Raises:
            ValueError: for an unknown name, or if a value of ``along`` is met twice because
                ``where`` leaves another path open.
        """
        s = _index("scheme", scheme, self.schemes)
        m = _index("metric", metric, [m.name for m in self.metrics])
        _index("along", along, list(self.axes))
        rows = self.select(where)
        x = [self.points[i][along] for i in rows]
        if any(x.count(value) > 1 for value in x):
            free = [p for p in self.axes if p != along and p not in (where or {})]
            raise ValueError(f"where: {where!r} leaves {', '.join(free)} open; fix them for a curve")
        pick = {k: getattr(self, k)[s, rows, m] for k in ("value", "low", "high", "count", "total")}
        return Curve(x=np.array(x), snr_db=self.snr_db[s, rows], **pick)

    def save(self, path: str | Path) -> None:
        """Write ``results.h5``: to a temporary file first, then renamed over an older one."""
        from .hdf5 import save

        save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> "Results":
        """Read a ``results.h5``, or the one in a run folder.

        Raises:
            RunError: naming the file, if it is missing, damaged or of another format.
        """
        from .hdf5 import load

        path = Path(path)
        return load(path / "results.h5" if path.is_dir() else path)


def _index(name: str, value: Any, choices: Any) -> int:
    """Return the position of ``value`` in ``choices``; a ValueError names what there is."""
    choices = list(choices)
    if value not in choices:
        shown = ", ".join(map(repr, choices)) or "none"
        raise ValueError(f"{name}: {value!r} is not in the results; there are: {shown}")
    return choices.index(value)
