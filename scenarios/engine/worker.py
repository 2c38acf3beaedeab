"""The worker's side: rebuild the scenario, build each scheme once, run batches."""

import dataclasses
import math
import threading
import time
import traceback
from collections import OrderedDict
from typing import Any

import numpy as np
import torch

from ...linklevel.draws import Draws
from ..statistics.metrics import MeanMetric
from ..tasks.base import Task
from .ambient import settled
from .columns import checked, pack
from .messages import NOISE, Batch, Chunk, Description, Failure, Reply
from .plan import Plan, Point
from .threads import ThreadLimit

MAX_BUILT = 8
"""Pairs of task and link that a worker keeps; the least recently used one goes."""

ACCOUNTING = {
    "channel_uses": "channel uses/item",
    "pilots": "channel uses/item",
    "side_information": "channel uses/item",
    "airtime": "resource elements/item",
}
"""What the engine counts for every link, with units; see :class:`~tokencom.linklevel.ChannelUses`."""


class Worker:
    """What a worker process keeps between chunks.

    Args:
        chunk: the first chunk; others of the same scenario follow.
    """

    def __init__(self, chunk: Chunk) -> None:
        self.text = chunk.text
        self.plan: Plan = chunk.plan.model_validate_json(chunk.text)
        self.points: dict[int, Point] = {point.hash: point for point in self.plan.points()}
        self.keys: dict[tuple[str, int], str] = {}
        self.built: OrderedDict[str, tuple[Task, Any]] = OrderedDict()
        self.limit = ThreadLimit(self.plan.threads_per_worker)

    def pair(self, scheme: str, point: Point) -> tuple[Task, Any]:
        """Return the task and the link of a scheme, built at most once for all SNRs."""
        place = scheme, point.hash
        key = self.keys.get(place)
        if key is None:
            key = self.keys[place] = point.scenario.build_key(scheme)
        if key not in self.built:
            while len(self.built) >= MAX_BUILT:
                self.built.popitem(last=False)
            task, link = point.scenario.build(scheme)
            self.built[key] = task, link.eval() if isinstance(link, torch.nn.Module) else link
            self.limit.apply()
        self.built.move_to_end(key)
        return self.built[key]

    def run(self, chunk: Chunk) -> Reply:
        """Run the batches of a chunk, up to the first that fails."""
        try:
            point = self.points[chunk.point]
            task, link = self.pair(chunk.scheme, point)
            snr_db = float(point.scenario.link_snr_db(chunk.scheme, link))
            description = describe(task, link) if chunk.describe else None
        except Exception as error:
            return Reply(None, math.nan, (), _failure(None, error))
        batches: list[Batch] = []
        failure = None
        for index in range(chunk.start, chunk.start + chunk.count):
            draws = Draws(seed=self.plan.seed, point=chunk.point, batch=index)
            try:
                batches.append(timed_batch(task, link, snr_db, draws, self.plan.stop.batch_size))
            except Exception as error:
                failure = _failure(index, error)
                break
        return Reply(description, snr_db, tuple(batches), failure)


_KEPT: list[Worker] = []
"""The worker of this process, once it has run a chunk."""

_BUSY = threading.Lock()


def run_chunk(chunk: Chunk) -> Reply:
    """Run a chunk in this process.

    Raises:
        RuntimeError: if another thread of this process is running one: Sionna's generator and the
            thread counts belong to the whole process.
    """
    if not _BUSY.acquire(blocking=False):
        raise RuntimeError("two threads of one process run batches at once; give each worker one thread")
    try:
        if not _KEPT or _KEPT[0].text != chunk.text:
            _KEPT[:] = [Worker(chunk)]
        return _KEPT[0].run(chunk)
    except Exception as error:
        return Reply(None, math.nan, (), _failure(None, error))
    finally:
        _BUSY.release()


def forget() -> None:
    """Drop what this process has built and put its thread counts back."""
    while _KEPT:
        _KEPT.pop().limit.restore()


def timed_batch(task: Task, link: Any, snr_db: float, draws: Draws, batch_size: int) -> Batch:
    """Run one batch and pack its columns."""
    start = time.perf_counter()
    with settled(draws), torch.no_grad():
        columns = run_batch(task, link, snr_db, draws, batch_size)
    errors = columns.get(task.error_column) if task.error_column else None
    return Batch(
        index=draws.batch,
        num_items=len(columns["item"]),
        num_errors=0 if errors is None else int(np.count_nonzero(errors)),
        data=pack(columns),
        seconds=time.perf_counter() - start,
    )


def run_batch(
    task: Task, link: Any, snr_db: float, draws: Draws, batch_size: int
) -> dict[str, np.ndarray]:
    """Send a batch and return its columns, [num_items] each, int64 or float64."""
    items = task.items(draws.batch, batch_size)
    payload = task.batch(draws.batch, batch_size, draws)
    reception = link(payload, snr_db, draws)
    uses = reception.channel_uses
    columns = {
        "item": np.arange(items.start, items.stop),
        "channel_uses": uses.total.cpu().numpy(),
        "pilots": uses.pilots.cpu().numpy(),
        "side_information": uses.side_information.cpu().numpy(),
        "airtime": uses.airtime.cpu().numpy(),
        **task.score(payload, reception),
        **task.probe(payload, link),
    }
    for kind in task.references:
        reference = dataclasses.replace(
            reception,
            payload=task.reference(kind, payload, link, snr_db),
            ok=torch.ones_like(reception.ok),
        )
        columns |= {f"{kind}_{name}": column for name, column in task.score(payload, reference).items()}
    return checked(columns, len(items), task.name)


def describe(task: Task, link: Any) -> Description:
    """Return what the coordinator has to know; metrics come with the prefix of their columns."""
    counted = {
        name: MeanMetric(name=name, column=name, unit=unit, better="low") for name, unit in ACCOUNTING.items()
    }
    absent = () if getattr(link, "has_verdict", True) else task.verdict_metrics
    own = {name: metric for name, metric in task.metrics.items() if name not in absent}
    metrics = {name: (metric, "") for name, metric in {**own, **counted}.items()}
    for kind in task.references:
        for name in task.reference_metrics:
            metrics[f"{kind}_{name}"] = task.metrics[name], f"{kind}_"
    if {"blind", "prior"} <= set(task.references):  # the blind line is the better of the two
        for name in task.reference_metrics:
            metrics[f"{NOISE}{name}"] = task.metrics[name], "blind_"
    return Description(
        metrics=metrics,
        num_items=task.num_items,
        error_column=task.error_column,
        stop_metric=task.stop_metric,
        gain_db=gain_of(link),
    )


def gain_of(link: Any) -> float | None:
    """Return the gain constant of a link's channel, dB, or `None`."""
    air = getattr(link, "air", None)
    for owner in (air, getattr(air, "channel", None)):
        gain = getattr(owner, "gain_db", None)
        if gain is not None:
            return float(gain)
    return None


def _failure(index: int | None, error: Exception) -> Failure:
    text = f"{type(error).__name__}: {error}"
    return Failure(index, text, "".join(traceback.format_exception(error)), refused=isinstance(error, ValueError))
