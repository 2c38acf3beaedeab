"""Which schemes of which runs met the same items, and the columns of these items."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..engine.results import Results
    from ..schema.scenario import Scenario
    from ..statistics.metric import Metric


@dataclass(frozen=True)
class Side:
    """One scheme of a run.

    Args:
        folder: the run folder.
        results: of the run.
        scheme: name of the scheme.
    """

    folder: Path
    results: "Results"
    scheme: str

    def title(self, with_folder: bool = True) -> str:
        """Return the name of the scheme, with its run's folder where several runs are compared."""
        return f"{self.folder.name or self.folder}: {self.scheme}" if with_folder else self.scheme

    def estimate(self, point: int, metric: str) -> tuple[float, float, float]:
        """Return value, low and high."""
        s = self.results.schemes.index(self.scheme)
        m = [info.name for info in self.results.metrics].index(metric)
        at = s, point, m
        return float(self.results.value[at]), float(self.results.low[at]), float(self.results.high[at])

    def value(self, point: int, metric: str) -> float:
        """Return the estimate alone."""
        return self.estimate(point, metric)[0]

    def known(self, point: int, metric: str) -> bool:
        """Whether the metric was estimated at a point."""
        return bool(np.isfinite(self.estimate(point, metric)).all())

    def items(self, point: int) -> Mapping[str, np.ndarray]:
        """Return the columns of the items behind a point."""
        from ..engine.items import load_items

        return load_items(self.folder, self.scheme, point)

    @cached_property
    def scenarios(self) -> list["Scenario"]:
        """The scenario of each point."""
        from ..schema.scenario import Scenario

        return [point.scenario for point in Scenario.model_validate_json(self.results.scenario).points()]

    def task(self, point: int) -> Any:
        """Return the configuration of the scheme's task."""
        scenario = self.scenarios[point]
        return scenario.task_of(scenario.scheme(self.scheme))


def metrics_of(side: Side, point: int) -> Mapping[str, "Metric"]:
    """Return the metrics of the side's task, as the task estimates them."""
    return _built(side.task(point)).metrics


@lru_cache(maxsize=4)
def _built(task: Any) -> Any:
    """Return the task of a configuration; those of data sets take a while to read them."""
    return task.build()


def pairable(a: Side, pa: int, b: Side, pb: int) -> str | None:
    """Return why two schemes cannot be compared item by item, or `None` if they can.

    Args:
        a: first scheme.
        pa: index of its point.
        b: second scheme.
        pb: index of its point.
    """
    from ..engine.errors import RunError

    task, other = a.task(pa), b.task(pb)
    if task is None or task != other:
        return "they have different tasks"
    if getattr(task, "runs_code", False):
        return "their task is a Python class, which is not run here"
    first, second = a.scenarios[pa], b.scenarios[pb]
    same_draws = first.seed == second.seed and first.stop.batch_size == second.stop.batch_size
    if _built(task).num_items is None and not same_draws:
        return "their random payloads differ (seed or batch_size)"
    try:
        common = np.intersect1d(a.items(pa)["item"], b.items(pb)["item"])
    except RunError as error:
        return str(error)
    return None if common.size else "they have no item in common"
