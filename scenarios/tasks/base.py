"""What is sent and how what arrives is judged."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..statistics.metric import Metric

if TYPE_CHECKING:
    from ...linklevel.draws import Draws
    from ...linklevel.links.base import Link, Reception


class Task(ABC):
    """A source of payloads and a judge of receptions.

    The engine runs, for each batch, in a worker process,

    ```
    payload = task.batch(index, batch_size, draws)
    reception = link(payload, snr_db, draws)
    columns = task.score(payload, reception)            # kept in the journal, item by item
    columns |= task.probe(payload, link)
    ```

    and adds to the columns what the link knows by itself: ``channel_uses``, ``pilots``,
    ``side_information`` and ``airtime`` (resource elements of each item) and ``item`` (its number,
    by which schemes are paired). After the stop rule it calls ``metric.estimate(columns, ...)``
    for each of :attr:`metrics`.

    A task with ``num_items = None`` is a Monte Carlo task: it has as many items as the stop rule
    asks for. A data-set task has ``num_items`` fixed items, all evaluated once at every point; to
    see each image under several fades, let an item be an (image, repetition) pair and return a
    column ``cluster`` (int64, the image's number), which the intervals respect.
    """

    name: ClassVar[str]
    """Name of the task in scenario files."""

    num_items: int | None = None
    """Number of items, or `None` for a Monte Carlo task."""

    error_column: ClassVar[str | None] = None
    """Column of 0/1 outcomes that ``num_target_block_errors`` counts; Monte Carlo tasks only."""

    stop_metric: ClassVar[str | None] = None
    """Metric that ``target_relative_width`` watches; Monte Carlo tasks only."""

    references: ClassVar[tuple[str, ...]] = ()
    """Reference lines that :meth:`reference` can draw: any of "clean", "blind", "prior"."""

    reference_metrics: tuple[str, ...] = ()
    """Names of the metrics that a reference line has; results show them as ``clean_<name>``.

    Where a task has both "blind" and "prior", ``blind_<name>`` is the better of the two, ``noise_<name>``
    that of noise alone and ``prior_<name>`` that of the most common answer."""

    verdict_metrics: ClassVar[tuple[str, ...]] = ()
    """Names of the metrics that rest on the receiver's verdict; schemes whose link has none lack them."""

    @property
    @abstractmethod
    def metrics(self) -> Mapping[str, Metric]:
        """What is estimated from the columns, by name."""

    @abstractmethod
    def batch(self, index: int, batch_size: int, draws: "Draws") -> Any:
        """Return the payload of batch ``index``: what the link sends.

        A data-set task returns the items of :meth:`items`; the last batch may be shorter. The
        same ``index`` and ``batch_size`` give the same items at every point and for every scheme.
        """

    @abstractmethod
    def score(self, payload: Any, reception: "Reception") -> dict[str, np.ndarray]:
        """Compare what was sent with what arrived.

        Returns:
            columns of outcomes or sufficient statistics, each [batch], bool, integer or float
            (kept as int64 or float64); never rates over items.
        """

    def probe(self, payload: Any, link: Any) -> dict[str, np.ndarray]:
        """Return columns about what a link sends, apart from what arrives; none unless overridden.

        Args:
            payload: what :meth:`batch` returned.
            link: the link under test.
        """
        return {}

    def reference(self, kind: str, payload: Any, link: "Link", snr_db: float) -> Any:
        """Return what a reference receiver would have in place of the received payload.

        The engine scores it like a reception and keeps the columns under ``clean_`` or ``blind_``.

        Args:
            kind: one of :attr:`references`; "clean": through the link without noise and fading,
                "blind": from noise only.
            payload: what :meth:`batch` returned.
            link: the link under test.
            snr_db: Es/N0, dB.

        Raises:
            ValueError: for a kind that the task has not.
        """
        raise ValueError(
            f"kind: {kind!r} is not a reference line of task {self.name!r}; it has: "
            + (", ".join(self.references) or "none")
        )

    def items(self, index: int, batch_size: int) -> range:
        """Return the numbers of the items in batch ``index``, cut at :attr:`num_items`."""
        start, stop = index * batch_size, (index + 1) * batch_size
        return range(start, stop if self.num_items is None else min(stop, self.num_items))
