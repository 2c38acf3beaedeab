"""What the coordinator and its workers say to each other; all of it is pickled."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..statistics.metric import Metric
from .plan import Plan

NOISE = "noise_"
"""Prefix of the metrics of a receiver fed noise only, where the blind line is the better of it and the prior."""


@dataclass(frozen=True)
class Chunk:
    """Successive batches of one scheme at one point.

    Args:
        plan: class that rebuilds the scenario.
        text: text that it rebuilds it from.
        scheme: name of the scheme.
        point: hash of the point.
        start: first batch.
        count: number of batches; 0 asks for the description only.
        describe: whether the coordinator still needs the description.
    """

    plan: type[Plan]
    text: str
    scheme: str
    point: int
    start: int
    count: int
    describe: bool


@dataclass(frozen=True)
class Description:
    """What the coordinator has to know of a task and a link.

    Args:
        metrics: by name, reference lines included, with the prefix of their columns.
        num_items: of a data-set task, or `None`.
        error_column: column that error-count stopping counts, or `None`.
        stop_metric: metric that the relative width is taken of, or `None`.
        gain_db: gain constant of the channel, dB, or `None` where there is none.
    """

    metrics: Mapping[str, tuple[Metric, str]]
    num_items: int | None
    error_column: str | None
    stop_metric: str | None
    gain_db: float | None


@dataclass(frozen=True)
class Batch:
    """A finished batch.

    Args:
        index: of the batch.
        num_items: items in it.
        num_errors: of the error column; 0 if there is none.
        seconds: wall time.
        data: columns, packed.
    """

    index: int
    num_items: int
    num_errors: int
    seconds: float
    data: bytes


@dataclass(frozen=True)
class Failure:
    """An exception in a worker.

    Args:
        index: of the batch, or `None` while the task and the link were built.
        message: type and text of the exception.
        traceback: where it was raised.
        refused: whether it refused what the user gave (a `ValueError`).
    """

    index: int | None
    message: str
    traceback: str
    refused: bool


@dataclass(frozen=True)
class Reply:
    """What a worker made of a chunk: the description if asked for, batches up to the first failure."""

    description: Description | None
    snr_db: float
    batches: tuple[Batch, ...]
    failure: Failure | None = None
