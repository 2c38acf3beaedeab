"""Level lines of a figure: what publications report for other systems on the data set that is asked about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .theory import TheoryLine

if TYPE_CHECKING:
    from ..schema.scenario import Scenario


@dataclass(frozen=True)
class Publication:
    """Values of one table or figure.

    Args:
        data_type: of the task's data set.
        split: of it, which is also the one that is taken where none is given.
        metric: name of the metric.
        values: by the name of the system, in the metric's unit.
        source: where they are published.
    """

    data_type: str
    split: str
    metric: str
    values: Mapping[str, float]
    source: str


PUBLICATIONS = (
    Publication(
        "music_avqa",
        "test",
        "accuracy",
        {"OneLLM-7B": 0.476, "ChatBridge-13B": 0.430},
        "arXiv 2505.07841, fig. 3",
    ),
)
"""Published values that are drawn wherever their data set is asked about."""


def published_lines(scenario: "Scenario | Mapping[str, Any]") -> list[TheoryLine]:
    """Return a level line for each value that is published for the data set of a scenario's task.

    Args:
        scenario: a scenario, or its fields as plain data.

    Example:
        >>> task = {"type": "vqa", "data": {"type": "music_avqa", "split": "test", "path": "MUSIC-AVQA"}}
        >>> [(line.name, float(line.y[0])) for line in published_lines({"task": task})]
        [('OneLLM-7B', 0.476), ('ChatBridge-13B', 0.43)]
    """
    fields = scenario if isinstance(scenario, Mapping) else scenario.model_dump()
    data = (fields.get("task") or {}).get("data") or {}
    return [
        TheoryLine(name, one.metric, np.zeros(1), np.array([value]), meaning=_meaning(one))
        for one in PUBLICATIONS
        if (data.get("type"), data.get("split", one.split)) == (one.data_type, one.split)
        for name, value in one.values.items()
    ]


def _meaning(one: Publication) -> str:
    return f"published for {one.data_type}, {one.split} ({one.source}), without a channel; not measured here"
