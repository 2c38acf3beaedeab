"""What a tokenizer does with the reals of its tokens: how many of them tell items apart, and by how much."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..statistics.bootstrap import paired_interval
from ..statistics.metric import Columns, Estimate, Metric, SetMetric
from ..statistics.metrics import MeanMetric

PREFIX, NOISE = "unit_", "token_noise"
STEP = 0.01
"""Means of tokens are kept as integer multiples of it, which a journal packs well."""


@dataclass(frozen=True, kw_only=True)
class UnitMetric(SetMetric):
    """A statistic of the variance over items of each real of the tokens' means.

    Args:
        measure: "active", how many vary by more than 0.01 (Y. Burda, R. Grosse and R. Salakhutdinov, "Importance
            weighted autoencoders", ICLR 2016), or "variance", their mean.
    """

    measure: Literal["active", "variance"]

    def terms(self, columns: Columns) -> np.ndarray:
        """Return the means, [num_items, num_units], float64."""
        names = sorted(name for name in columns if name.startswith(PREFIX))
        return STEP * np.stack([np.asarray(columns[name], np.float64) for name in names], axis=-1)

    def estimate(self, columns: Columns, stopped_by_errors: bool = False, level: float = 0.95) -> Estimate:
        """Estimate the statistic; ``total`` are items, ``count`` units. See :meth:`Metric.estimate`."""
        means = self.terms(columns)
        if len(means) < 2:
            return Estimate(math.nan, math.nan, math.nan, means.shape[1], len(means))
        nothing = np.zeros((len(means), 1))  # a constant has no active unit and no variance
        value, low, high = paired_interval(self._statistic, means, nothing, columns.get("cluster"), level)
        return Estimate(value, max(low, 0.0), high, means.shape[1], len(means))

    def difference(self, a: Columns, b: Columns, level: float = 0.95) -> tuple[float, float, float]:
        """Return the difference of two schemes; see :meth:`SetMetric.difference`."""
        return paired_interval(self._statistic, self.terms(a), self.terms(b), a.get("cluster"), level)

    def _statistic(self, means: np.ndarray) -> float:
        from ...models.unitocom.tokenizers.diagnostics import ACTIVE

        variances = means.var(axis=0, ddof=1)
        return float((variances > ACTIVE).sum() if self.measure == "active" else variances.mean())


UNIT_METRICS: dict[str, Metric] = {
    "active_units": UnitMetric(name="active_units", measure="active"),
    "token_variance": UnitMetric(name="token_variance", measure="variance"),
    NOISE: MeanMetric(name=NOISE, column=NOISE),
}
"""Of the tokens before the link: active reals, variance of the means, and variance of the tokens given the item."""


def unit_columns(system: Any, samples: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return the means of the tokens, ``unit_<number>``, and ``token_noise``, the mean of their variances.

    Args:
        system: whose ``units`` gives mean and variance of the tokens of samples.
        samples: of a batch; each is encoded alone.

    Raises:
        ValueError: for a system without a tokenizer.
    """
    units = getattr(system, "units", None)
    if not callable(units):
        raise ValueError(f"extras: 'units' given, but {type(system).__name__} has no tokenizer whose units to count")
    found = [units([sample]) for sample in samples]
    means = np.stack([mean.double().cpu().numpy().reshape(-1) for mean, _ in found])
    columns = {f"{PREFIX}{i:05d}": column for i, column in enumerate(np.rint(means / STEP).astype(np.int64).T)}
    return {**columns, NOISE: np.array([float(variance.mean()) for _, variance in found])}
