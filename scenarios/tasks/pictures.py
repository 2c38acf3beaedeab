"""Pictures that are rebuilt at the receiver, and what their tokenizer does."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..metrics.token_units import UNIT_METRICS, unit_columns
from ..statistics.metric import Metric
from .answers import DatasetTask, SampleBatch


class PicturesTask(DatasetTask):
    """Sends pictures; on request it also counts the units of the tokenizer that sends them.

    Args:
        units: whether to add :data:`~tokencom.scenarios.metrics.token_units.UNIT_METRICS`; all schemes need a system
            with a tokenizer then.
        options: as :class:`DatasetTask` takes them.
    """

    def __init__(self, *, units: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The judge's metrics, the block error rate, and those of the units."""
        return {**super().metrics, **(UNIT_METRICS if self.units else {})}

    def probe(self, payload: SampleBatch, link: Any) -> dict[str, np.ndarray]:
        """Return the units of the tokens of a batch; see :meth:`Task.probe`."""
        return unit_columns(getattr(link, "system", None), payload) if self.units else {}
