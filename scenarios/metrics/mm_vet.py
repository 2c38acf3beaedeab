"""MM-Vet: scores that a judge wrote into a file, and what can be said without a judge."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..statistics.metric import Estimate
from .grouped import SelectedMean
from .vqa import normalize_answer

if TYPE_CHECKING:
    from ..datasets.base import Dataset

AND, OR = "<AND>", "<OR>"
_NAMED = 8
"""Questions whose missing answers a message lists."""


def read_judgements(path: str | Path) -> Mapping[str, float]:
    """Read the scores of a judge, by the name of the question.

    The file is a JSON object from question to a score, to a list of scores of several runs, or to an
    object with such a ``score`` (the form that MM-Vet's evaluator writes); runs are averaged.

    Args:
        path: JSON file.

    Raises:
        ValueError: naming the file and the entry, for anything else or a score outside 0...1.
    """
    return {name: _score(f"{path}: {name}", value) for name, value in _by_question(path).items()}


class AnswerScores:
    """The scores that a judge gave to answers, read from a file: what a run with many answers needs.

    The file is a JSON object from question to an object from answer to its score, or to the list of its
    scores in several runs of the judge, which are averaged:

    ```json
    {"v1_0": {"x = -1 or x = -5": 1.0, "x = -1": [0.5, 0.4]}, "v1_1": {"a cat": 0.0}}
    ```

    Answers are compared without the white space around them.

    Args:
        path: JSON file.

    Raises:
        ValueError: naming the file and the entry, for anything else or a score outside 0...1.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.scores: dict[str, dict[str, float]] = {}
        for name, answers in _by_question(path).items():
            if not isinstance(answers, dict):
                form = '{"v1_0": {"the answer": 0.5}}'
                raise ValueError(f"judgements: {path}: {name}: no object of answers and scores, such as {form}")
            self.scores[name] = {a.strip(): _score(f"{path}: {name}: {a}", score) for a, score in answers.items()}

    def __call__(self, questions: Sequence[str], answers: Sequence[str]) -> np.ndarray:
        """Return the score of each answer, [batch], float64, 0 to 1.

        Args:
            questions: by name.
            answers: equally many.

        Raises:
            ValueError: naming answers that the file lacks, in the form in which they are to be added.
        """
        found = [self.scores.get(q, {}).get(a.strip()) for q, a in zip(questions, answers, strict=True)]
        missing: dict[str, dict[str, None]] = {}
        for question, answer, score in zip(questions, answers, found, strict=True):
            if score is None:
                missing.setdefault(question, {})[answer.strip()] = None
        if missing:
            count = sum(map(len, missing.values()))
            named = json.dumps(dict(list(missing.items())[:_NAMED]), ensure_ascii=False)
            raise ValueError(f"judgements: {str(self.path)!r} has no score of {count} answers; add them: {named}")
        return np.array(found, np.float64)


def judged_scores(data: "Dataset", path: str | Path, *, level: float = 0.95) -> dict[str, Estimate]:
    """Return MM-Vet's scores of one set of answers from a judge's file, in percent.

    Args:
        data: the data set that was answered; its families are capabilities joined by "_".
        path: file for :func:`read_judgements`, by the samples' ids.
        level: coverage of the intervals, which respect questions about one image.

    Returns:
        "total", and the score of each capability: the mean over the questions that need it.

    Raises:
        ValueError: for a wrong file, or one that lacks a sample.
    """
    scores = read_judgements(path)
    samples = list(data)
    missing = [sample.id for sample in samples if sample.id not in scores]
    if missing:
        raise ValueError(f"judgements: {str(path)!r} has no score of {missing[0]!r} ({len(missing)} are missing)")
    columns = {
        "judged": np.array([scores[sample.id] for sample in samples]),
        "cluster": np.array([sample.cluster for sample in samples]),
    }
    needed = [sample.family.split("_") for sample in samples]
    estimates = {"total": SelectedMean(name="total", column="judged", factor=100.0).estimate(columns, level=level)}
    for name in sorted({name for names in needed for name in names}):
        columns["needed"] = np.array([name in names for names in needed], np.int64)
        chosen = SelectedMean(name=name, column="judged", selector="needed", selected=1, factor=100.0)
        estimates[name] = chosen.estimate(columns, level=level)
    return estimates


def matches_answer(answer: str, wanted: str) -> bool:
    """Tell whether an answer is one of the alternatives of MM-Vet's reference, after normalisation.

    A reference with ``<AND>`` is never equal to an answer; :func:`contains_answer` is for it.

    Example:
        >>> matches_answer("Two dogs.", "2 dogs<OR>two puppies"), matches_answer("dogs", "2 dogs")
        (True, False)
    """
    given = normalize_answer(answer)
    return any(AND not in part and normalize_answer(part) == given for part in wanted.split(OR))


def contains_answer(answer: str, wanted: str) -> float:
    """Return the share of the required parts that an answer contains, 0 to 1.

    Args:
        answer: as a model wrote it.
        wanted: MM-Vet's reference, in which ``<AND>`` joins required parts and ``<OR>`` the alternatives of one.

    Example:
        >>> contains_answer("It is a red car", "red<AND>car"), contains_answer("a car", "red<AND>car<OR>bus")
        (1.0, 0.5)
    """
    given = f" {normalize_answer(answer)} "
    parts = wanted.split(AND)
    return sum(any(_inside(given, text) for text in part.split(OR)) for part in parts) / len(parts)


def _inside(given: str, part: str) -> bool:
    wanted = normalize_answer(part)
    return bool(wanted) and f" {wanted} " in given


def _by_question(path: str | Path) -> dict[str, Any]:
    try:
        data = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"judgements: {str(path)!r} cannot be read as JSON ({error})") from error
    if not isinstance(data, dict):
        raise ValueError(f"judgements: {str(path)!r} holds no object of questions and scores")
    return data


def _score(where: str, value: Any) -> float:
    score = value.get("score") if isinstance(value, dict) else value
    runs = score if isinstance(score, list) and score else [score]
    for run in runs:
        if isinstance(run, bool) or not isinstance(run, (int, float)) or not 0 <= run <= 1 or math.isnan(run):
            raise ValueError(f"judgements: {where}: {run!r} is no score; a number from 0 to 1 is needed")
    return float(sum(runs) / len(runs))
