"""Tasks about the samples of a data set: what is asked of them, and what is right."""

from collections import Counter
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...linklevel.validation import check_choice, check_range
from ...models.choices import lettered
from ..datasets.base import Dataset, Sample
from ..statistics.metric import Metric
from ..statistics.metrics import RateMetric
from .base import Task
from .judges import Judge

if TYPE_CHECKING:
    from ...linklevel.draws import Draws
    from ...linklevel.links.base import Link, Reception

INSTRUCTION_FIELDS = ("question", "text", "choices", "hint")
BLER = RateMetric(name="bler", column="block_error", scale="log", better="low")


class SampleBatch(list[Sample]):
    """The samples of a batch: what a link for data-set tasks sends.

    Args:
        samples: of the batch.
        numbers: [batch], numpy.int64; their places in the data set.
        repetitions: [batch], numpy.int64; how often each was sent before.
        instructions: what a receiver's model is told about each.
        sampling_rate: of audio, Hz.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        numbers: np.ndarray,
        repetitions: np.ndarray,
        instructions: Sequence[str],
        sampling_rate: int | None = None,
    ) -> None:
        super().__init__(samples)
        self.numbers, self.repetitions = numbers, repetitions
        self.instructions = tuple(instructions)
        self.sampling_rate = sampling_rate


class DatasetTask(Task):
    """Asks about each sample of a data set, at every point, and judges the answers.

    The receiver gives one answer for each sample: text, or an image where images are rebuilt. Item i
    is sample i mod N in repetition i div N; intervals treat samples of one cluster, and all their
    repetitions, as one. Columns besides the judge's: ``cluster`` and ``block_error`` (the receiver's
    verdict; links without one have no block error rate).

    Reference lines: *clean* and *blind* (from noise only) as the link makes them, and *prior*: the most
    common answer of the question's family, fitted on ``train``, which needs no link; families that ``train``
    lacks get the most common answer of the whole set. With a prior, results have the better of it and of
    noise only as the blind line.

    Args:
        name: of the task, as in scenario files.
        data: the samples.
        judge: of the answers.
        instruction: template of what the receiver's model is told; may have {question}, {text},
            {choices} and {hint}.
        train: where the prior is fitted; no such line if `None`.
        num_items: how many of the samples, from the first; all if `None`.
        repeats: how often each is sent.

    Raises:
        ValueError: for a data set without samples, too few, or without references; for a template
            with another field.
    """

    references: ClassVar[tuple[str, ...]] = ("clean", "blind")
    verdict_metrics: ClassVar[tuple[str, ...]] = (BLER.name,)

    def __init__(
        self,
        *,
        name: str,
        data: Dataset,
        judge: Judge,
        instruction: str = "{question}",
        train: Dataset | None = None,
        num_items: int | None = None,
        repeats: int = 1,
    ) -> None:
        self.name = name  # type: ignore[misc]
        self.data, self.judge = data, judge
        self.num_samples = _shortened(data, num_items)
        self.repeats = check_range("repeats", repeats, 1, 10**6, integer=True)
        self.num_items = self.num_samples * self.repeats
        self.instruction = _template(instruction)
        self.reference_metrics = judge.reference_metrics
        self.prior: Mapping[str, str] | None = None
        if train is not None:
            self.prior = fit_prior(train)
            self.references = (*type(self).references, "prior")  # type: ignore[misc]

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The judge's metrics, and the block error rate."""
        return {**self.judge.metrics, BLER.name: BLER}

    def batch(self, index: int, batch_size: int, draws: "Draws") -> SampleBatch:
        """Return the samples of batch ``index``; nothing about them is random."""
        items = np.array(self.items(index, batch_size), dtype=np.int64)
        numbers = items % self.num_samples
        samples = [self.data[int(number)] for number in numbers]
        return SampleBatch(
            samples,
            numbers=numbers,
            repetitions=items // self.num_samples,
            instructions=[self.instruct(sample) for sample in samples],
            sampling_rate=self.data.sampling_rate,
        )

    def instruct(self, sample: Sample) -> str:
        """Return what the receiver's model is told about a sample.

        Raises:
            ValueError: for more choices than letters.
        """
        values = {
            "question": sample.inputs.get("question", ""),
            "text": sample.inputs.get("text", ""),
            "hint": sample.inputs.get("hint", ""),
            "choices": lettered(sample.inputs.get("choices", ())),
        }
        return self.instruction.format_map(values).strip()

    def score(self, payload: SampleBatch, reception: "Reception") -> dict[str, np.ndarray]:
        """Judge the answers.

        Args:
            payload: the samples.
            reception: with as many answers.

        Raises:
            ValueError: if there are more or fewer.
        """
        answers = reception.payload
        if len(answers) != len(payload):
            raise ValueError(f"reception.payload: {len(answers)} answers given, {len(payload)} samples were sent")
        columns = self.judge.columns(payload, answers)
        if "group" in columns:
            columns["group"] = columns["group"] * self.repeats + payload.repetitions
        return {
            "cluster": np.array([sample.cluster for sample in payload], np.int64),
            "block_error": 1 - np.asarray(reception.ok.cpu(), dtype=np.int64),
            **columns,
        }

    def reference(self, kind: str, payload: SampleBatch, link: "Link", snr_db: float) -> Any:
        """Return the answers of a receiver without channel errors, with noise only, or of the prior.

        Raises:
            ValueError: for another kind, or a link that has no such reference.
        """
        check_choice("kind", kind, self.references)
        if kind == "prior" and self.prior is not None:
            return [self.prior.get(sample.family, self.prior[""]) for sample in payload]
        line = getattr(link, kind, None)
        if not callable(line):
            raise ValueError(f"link: {type(link).__name__} has no {kind} reference, which task {self.name!r} needs")
        return line(payload, snr_db) if kind == "clean" else line(payload)


def fit_prior(train: Dataset) -> dict[str, str]:
    """Return the most common first reference of each family, and under "" that of the whole set.

    Equally common ones are told apart by the alphabet.

    Raises:
        ValueError: for a data set without references.
    """
    families = train.answers()
    whole: Counter[str] = Counter()
    for counts in families.values():
        whole.update(counts)
    if not whole:
        raise ValueError(f"train: {train.name!r} has no samples; the prior is fitted on them")
    fitted = {family: _most_common(counts) for family, counts in families.items()}
    return {**fitted, "": _most_common(whole)}


def _most_common(counts: Mapping[str, int]) -> str:
    return min(counts, key=lambda answer: (-counts[answer], answer))


def _shortened(data: Dataset, limit: int | None) -> int:
    if not len(data):
        raise ValueError(f"data: {data.name!r} has no samples")
    if not data.references_of(0)[0]:
        raise ValueError(f"data: split {data.split!r} of {data.name!r} has no references, so nothing can be judged")
    if limit is None:
        return len(data)
    check_range("num_items", limit, 1, integer=True)
    if limit > len(data):
        raise ValueError(f"num_items: {limit} items wanted, but split {data.split!r} of {data.name!r} has {len(data)}")
    return limit


def _template(instruction: str) -> str:
    try:
        fields = [field for _, field, _, _ in Formatter().parse(instruction) if field is not None]
    except ValueError as error:
        raise ValueError(f"instruction: {instruction!r} is no template ({error})") from error
    for field in fields:
        check_choice("instruction", field, INSTRUCTION_FIELDS)
    return instruction
