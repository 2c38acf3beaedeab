"""What image and text tasks share: fixed items, repetitions, clusters, reference lines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...linklevel.sources import DecodedItems
from ...linklevel.validation import check_choice, check_range
from ..statistics.metric import Metric
from ..statistics.metrics import RateMetric
from .base import Task

if TYPE_CHECKING:
    from ...linklevel.draws import Draws
    from ...linklevel.links.base import Link, Reception

EVENT_METRICS: tuple[Metric, ...] = (
    RateMetric(name="bler", column="block_error", scale="log", better="low"),
    RateMetric(name="damaged", column="damaged", better="low"),
    RateMetric(name="fallback", column="fallback", better="low"),
)


class ItemBatch(list[Any]):
    """The source items of a batch, and their numbers.

    Args:
        sources: all source items.
        numbers: [batch], numpy.int64; which of them the batch has.
    """

    def __init__(self, sources: Sequence[Any], numbers: np.ndarray) -> None:
        super().__init__(sources[number] for number in numbers)
        self.numbers = numbers


class ItemTask(Task):
    """Sends the same items at every point, each ``repeats`` times under its own fade and noise.

    Item i is source item i mod N in repetition i div N; intervals treat the repetitions of one
    source item as a cluster. Columns of every subclass: ``cluster``, ``block_error`` (the
    receiver's verdict), ``damaged`` (no intact file reached the source decoder, or the verdict is
    bad) and ``fallback`` (nothing could be decoded, the codec's stand-in is judged). Schemes whose
    link has no verdict lack the metrics of the last three.

    Args:
        sources: the N source items.
        repeats: how often each is sent.
    """

    references: ClassVar[tuple[str, ...]] = ("clean", "blind")
    verdict_metrics: ClassVar[tuple[str, ...]] = tuple(metric.name for metric in EVENT_METRICS)

    def __init__(self, *, sources: Sequence[Any], repeats: int = 1) -> None:
        self.sources = list(sources)
        self.repeats = check_range("repeats", repeats, 1, 10**6, integer=True)
        self.num_items = len(self.sources) * self.repeats

    def batch(self, index: int, batch_size: int, draws: "Draws") -> ItemBatch:
        """Return the items of batch ``index``; nothing about them is random."""
        numbers = np.array(self.items(index, batch_size), dtype=np.int64) % len(self.sources)
        return ItemBatch(self.sources, numbers)

    def reference(self, kind: str, payload: Any, link: "Link", snr_db: float) -> Any:
        """Return what ``link`` delivers without channel errors ("clean") or from noise only ("blind").

        Raises:
            ValueError: for another kind, or a link that has no such reference.
        """
        check_choice("kind", kind, self.references)
        if not hasattr(link, kind):
            raise ValueError(f"link: {type(link).__name__} has no {kind} reference, which task {self.name!r} needs")
        source_link: Any = link
        return source_link.clean(payload, snr_db) if kind == "clean" else source_link.blind(payload)

    def events(self, payload: ItemBatch, reception: "Reception") -> dict[str, np.ndarray]:
        """Return the columns that every subclass has; a payload without flags counts as intact."""
        received = reception.payload
        failed = 1 - np.asarray(reception.ok.cpu(), dtype=np.int64)
        none = np.zeros_like(failed)
        flagged = isinstance(received, DecodedItems)
        return {
            "cluster": payload.numbers,
            "block_error": failed,
            "damaged": failed | received.damaged if flagged else failed,
            "fallback": received.fallback if flagged else none,
        }


def shortened(name: str, items: Sequence[Any], limit: int | None) -> Sequence[Any]:
    """Return the first ``limit`` items, all if `None`.

    Raises:
        ValueError: if there are fewer.
    """
    if limit is None:
        return items
    check_range(name, limit, 1, integer=True)
    if limit > len(items):
        raise ValueError(f"{name}: {limit} items wanted, but the data have {len(items)}")
    return items[:limit]
