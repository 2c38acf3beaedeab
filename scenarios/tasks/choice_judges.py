"""Judges of benchmarks: options, yes and no, and answers that another program has judged."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...models.choices import LETTERS
from ..datasets.base import Dataset, Sample
from ..metrics.grouped import GroupMetric, SelectedMean
from ..metrics.mm_vet import AnswerScores, contains_answer, matches_answer
from ..metrics.multiple_choice import letter_of, yes_or_no
from ..statistics.bootstrap import cluster_bootstrap, cluster_sums
from ..statistics.metric import Columns as ColumnsOf
from ..statistics.metric import Estimate, Metric
from .judges import Columns, Judge, accuracies, families_of, numbers_of, slug


class ChoiceJudge(Judge):
    """Options A, B, ...: accuracy, and circular accuracy where the options were rotated.

    In circular evaluation (MMBench, Liu et al., ECCV 2024) a question counts as right only if it is
    answered right for every rotation of its options; ``extra["circular"]`` numbers the question. An
    answer that names no option, or several, is wrong, and counted in ``unreadable``.

    Args:
        data: the data set; its references are letters.
    """

    def __init__(self, data: Dataset) -> None:
        self.families = families_of(data)
        if not data.references_of(0)[0]:
            raise ValueError(f"data: split {data.split!r} of {data.name!r} has no answers, so nothing can be judged")
        first = data[0]
        reference = first.references[0]
        if reference not in LETTERS[: len(first.inputs.get("choices", ()))]:
            raise ValueError(
                f"data: {data.name}: sample {first.id!r} has reference {reference!r}, which is no option's letter; "
                "a multiple-choice task needs samples with choices"
            )
        metrics = accuracies("accuracy", self.families)
        self.circular = "circular" in first.extra
        if self.circular:
            metrics["circular_accuracy"] = GroupMetric(name="circular_accuracy", column="accuracy")
        self.reference_metrics = tuple(metrics)
        metrics["unreadable"] = SelectedMean(name="unreadable", column="unreadable", better="low")
        self.metrics = metrics

    def columns(self, samples: Sequence[Sample], answers: Sequence[Any]) -> Columns:
        """Return ``accuracy``, ``unreadable`` (0 or 1), ``family``, and ``group`` in circular evaluation."""
        letters = [letter_of(a, s.inputs["choices"]) for s, a in zip(samples, answers, strict=True)]
        right = [letter == sample.references[0] for sample, letter in zip(samples, letters, strict=True)]
        columns = {
            "accuracy": np.array(right, np.int64),
            "unreadable": np.array([letter is None for letter in letters], np.int64),
            "family": numbers_of(samples, self.families),
        }
        if self.circular:
            columns["group"] = np.array([sample.extra["circular"] for sample in samples], np.int64)
        return columns


class YesNoJudge(Judge):
    """MME (Fu et al., 2023): accuracy, accuracy+, and scores.

    Accuracy+ is the share of images of which both questions are answered right. The score of a subtask
    is 100 (accuracy + accuracy+), 200 at most; ``score_perception`` and ``score_cognition`` are sums
    over their subtasks. An answer that says neither yes nor no is wrong.

    Args:
        data: the data set; its families are the subtasks, its clusters the images, and
            ``extra["group"]`` tells perception from cognition.
    """

    def __init__(self, data: Dataset) -> None:
        self.families = families_of(data)
        metrics: dict[str, Metric] = accuracies("accuracy", self.families)
        metrics["accuracy_plus"] = GroupMetric(name="accuracy_plus", column="accuracy")
        for number, family in enumerate(self.families if len(self.families) > 1 else ()):
            name = f"accuracy_plus_{slug(family)}"
            metrics[name] = GroupMetric(name=name, column="accuracy", selected=number)
        for part, subtasks in self._parts(data).items():
            name = f"score_{slug(part)}"
            metrics[name] = ScoreMetric(name=name, subtasks=tuple(subtasks))
        self.metrics = metrics
        self.reference_metrics = tuple(metrics)

    def _parts(self, data: Dataset) -> dict[str, list[int]]:
        """Return the subtasks of each part, by number; one sample of each is read."""
        first: dict[str, int] = {}
        for index in range(len(data)):
            first.setdefault(data.references_of(index)[1], index)
        parts: dict[str, list[int]] = {}
        for number, family in enumerate(self.families):
            part = data[first[family]].extra.get("group")
            if part is not None:
                parts.setdefault(str(part), []).append(number)
        return parts

    def columns(self, samples: Sequence[Sample], answers: Sequence[Any]) -> Columns:
        """Return ``accuracy`` (0 or 1), ``family`` and ``group`` (the image)."""
        right = [yes_or_no(a) == s.references[0].lower() for s, a in zip(samples, answers, strict=True)]
        return {
            "accuracy": np.array(right, np.int64),
            "family": numbers_of(samples, self.families),
            "group": np.array([sample.cluster for sample in samples], np.int64),
        }


@dataclass(frozen=True, kw_only=True)
class ScoreMetric(Metric):
    """MME's score: the sum of 100 (accuracy + accuracy+) over subtasks.

    Args:
        subtasks: their numbers in the column ``family``.
    """

    subtasks: tuple[int, ...]

    def terms(self, columns: ColumnsOf) -> np.ndarray:
        """Return for each subtask right answers, answers, right images and images: [num_items, 4 * subtasks]."""
        parts = []
        for number in self.subtasks:
            chosen: dict[str, Any] = {"name": "", "column": "accuracy", "selected": number}
            parts += [SelectedMean(**chosen).terms(columns), GroupMetric(**chosen).terms(columns)]
        return np.concatenate(parts, axis=-1)

    def value(self, sums: np.ndarray) -> np.ndarray:
        """Return the score; NaN if a subtask has no item."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(100.0 * (sums[..., 0::2] / sums[..., 1::2]).sum(axis=-1))

    def estimate(self, columns: ColumnsOf, stopped_by_errors: bool = False, level: float = 0.95) -> Estimate:
        """Estimate the score with a bootstrap over images; ``count`` and ``total`` are items."""
        terms = self.terms(columns)
        items = float(len(terms))
        if not items:
            return Estimate(math.nan, math.nan, math.nan, 0.0, 0.0)
        interval = cluster_bootstrap(cluster_sums(terms, columns.get("cluster")), self.value, level)
        return Estimate(float(self.value(terms.sum(axis=0))), *interval, items, items)


class MMVetJudge(Judge):
    """MM-Vet (Yu et al., ICML 2024): exact and containment scores, and those of a judge from a file.

    The paper's score is a language model's, which cannot be asked during a run. With a file of its
    scores for every answer of every question,
    :class:`~tokencom.scenarios.metrics.mm_vet.AnswerScores`, the metrics ``judged`` and
    ``judged_<capability>`` are in percent, as the paper gives them; an answer that the file lacks, of
    the run or of a reference line, is refused by name.

    Args:
        data: the data set; its families are capabilities joined by "_".
        judge_scores: file of the scores; none are given if `None`.

    Raises:
        ValueError: naming the file and the entry, if it is wrong.
    """

    def __init__(self, data: Dataset, judge_scores: str | Path | None = None) -> None:
        self.scores = None if judge_scores is None else AnswerScores(judge_scores)
        self.capabilities = tuple(sorted({name for family in families_of(data) for name in family.split("_")}))
        metrics: dict[str, Metric] = {
            name: SelectedMean(name=name, column=name) for name in ("contains", "exact_match")
        }
        for name in self.capabilities:
            full = f"contains_{slug(name)}"
            metrics[full] = SelectedMean(name=full, column="contains", selector=f"needs_{slug(name)}", selected=1)
        if self.scores is not None:
            metrics["judged"] = SelectedMean(name="judged", column="judged", factor=100.0)
            for name in self.capabilities:
                full, needs = f"judged_{slug(name)}", f"needs_{slug(name)}"
                metrics[full] = SelectedMean(name=full, column="judged", selector=needs, selected=1, factor=100.0)
        self.metrics = metrics
        self.reference_metrics = tuple(metrics)

    def columns(self, samples: Sequence[Sample], answers: Sequence[Any]) -> Columns:
        """Return the scores (0 to 1), and for each capability whether a sample needs it.

        Raises:
            ValueError: naming the answers that the judge's file lacks.
        """
        pairs = [(answer, sample.references[0]) for sample, answer in zip(samples, answers, strict=True)]
        columns = {
            "contains": np.array([contains_answer(*pair) for pair in pairs], np.float64),
            "exact_match": np.array([matches_answer(*pair) for pair in pairs], np.int64),
        }
        for name in self.capabilities:
            needs = [name in sample.family.split("_") for sample in samples]
            columns[f"needs_{slug(name)}"] = np.array(needs, np.int64)
        if self.scores is not None:
            columns["judged"] = self.scores([sample.id for sample in samples], answers)
        return columns
