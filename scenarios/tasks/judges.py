"""How the answers of a data-set task are judged: columns of each item, and the metrics of the columns."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..datasets.base import Dataset, Sample
from ..metrics.grouped import SelectedMean
from ..metrics.vqa import normalize_answer, soft_accuracy
from ..statistics.metric import Metric

Columns = dict[str, np.ndarray]
MAX_FAMILIES = 100
"""A metric of its own is estimated for each of up to this many families."""


class Judge(ABC):
    """Judges what a receiver says about samples.

    Attributes:
        metrics: by name.
        reference_metrics: names of those that a reference line has.
    """

    metrics: Mapping[str, Metric]
    reference_metrics: tuple[str, ...]

    @abstractmethod
    def columns(self, samples: Sequence[Sample], answers: Sequence[Any]) -> Columns:
        """Return outcomes or sufficient statistics, [batch] each.

        Args:
            samples: what was asked.
            answers: equally many.
        """


class AnswerJudge(Judge):
    """Short answers: right after normalisation, or as right as people agree.

    Where a sample's ``extra["answers"]`` has the answers of people, the outcome is the soft accuracy of
    VQA; else 1 if the answer equals one of the references, after VQA's normalisation.

    Args:
        data: the data set; its families get a metric of their own each.
    """

    def __init__(self, data: Dataset) -> None:
        self.families = families_of(data)
        self.metrics = accuracies("accuracy", self.families)
        self.reference_metrics = tuple(self.metrics)

    def columns(self, samples: Sequence[Sample], answers: Sequence[Any]) -> Columns:
        """Return ``accuracy`` (0 to 1) and ``family``."""
        right = [self._right(sample, answer) for sample, answer in zip(samples, answers, strict=True)]
        return {"accuracy": np.array(right, np.float64), "family": numbers_of(samples, self.families)}

    def _right(self, sample: Sample, answer: str) -> float:
        given = sample.extra.get("answers")
        if given:
            return soft_accuracy(answer, given)
        found = normalize_answer(answer)
        return float(any(normalize_answer(reference) == found for reference in sample.references))


def families_of(data: Dataset) -> tuple[str, ...]:
    """Return the families of a data set, sorted."""
    return tuple(sorted({data.references_of(index)[1] for index in range(len(data))}))


def numbers_of(samples: Sequence[Sample], families: Sequence[str]) -> np.ndarray:
    """Return the number of each sample's family, [batch], numpy.int64."""
    number = {family: index for index, family in enumerate(families)}
    return np.array([number[sample.family] for sample in samples], np.int64)


def accuracies(column: str, families: Sequence[str]) -> dict[str, Metric]:
    """Return the mean of a column over all items, and over each family where there are several."""
    metrics: dict[str, Metric] = {column: SelectedMean(name=column, column=column)}
    if 1 < len(families) <= MAX_FAMILIES:
        for number, family in enumerate(families):
            name = f"{column}_{slug(family)}"
            metrics[name] = SelectedMean(name=name, column=column, selected=number)
    return metrics


def slug(family: str) -> str:
    """Return a family's name as part of a metric's name.

    Example:
        >>> slug("Is there a"), slug("")
        ('is_there_a', 'none')
    """
    return re.sub(r"[^a-z0-9]+", "_", family.lower()).strip("_") or "none"
