"""Sentences: how much of their wording survives transmission."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...linklevel.metrics import BLEU_STATISTICS, bleu_statistics, corpus_bleu, exact_match
from ..statistics.metric import Metric
from ..statistics.metrics import RateMetric, SumMetric
from .items import EVENT_METRICS, ItemBatch, ItemTask, shortened

if TYPE_CHECKING:
    from ...linklevel.links.base import Reception

BUILT_IN = Path(__file__).parents[1] / "data" / "alice.txt"

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        SumMetric(name="bleu", columns=BLEU_STATISTICS, function=corpus_bleu),
        RateMetric(name="exact_match", column="exact_match"),
        *EVENT_METRICS,
    )
}


class TextTask(ItemTask):
    """Sends sentences and judges them by corpus BLEU (0 to 100) and exact match.

    Columns besides those of :class:`~tokencom.scenarios.tasks.items.ItemTask`: ``exact_match`` and
    the ten sufficient statistics of BLEU, :data:`~tokencom.linklevel.metrics.BLEU_STATISTICS`.

    Args:
        data: "alice" (built in: 100 sentences of a public-domain book, see
            ``scenarios/data/README.md``) or the path of a UTF-8 text file, one sentence a line.
        num_sentences: how many of the sentences, from the first; all if `None`.
        repeats: how often each is sent.

    Raises:
        ValueError: for a file that is missing, empty or not UTF-8.
    """

    name: ClassVar[str] = "text"

    def __init__(self, *, data: str = "alice", num_sentences: int | None = None, repeats: int = 1) -> None:
        sentences = read_sentences(BUILT_IN if data == "alice" else data)
        super().__init__(sources=shortened("num_sentences", sentences, num_sentences), repeats=repeats)
        self.reference_metrics = ("bleu", "exact_match")

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """BLEU, exact match, block error rate, shares of damaged and of lost sentences."""
        return METRICS

    def score(self, payload: ItemBatch, reception: "Reception") -> dict[str, np.ndarray]:
        """Compare the sentences.

        Args:
            payload: of str.
            reception: with a payload of the same form.
        """
        statistics = bleu_statistics(payload, reception.payload)
        return {
            **self.events(payload, reception),
            "exact_match": exact_match(payload, reception.payload),
            **dict(zip(BLEU_STATISTICS, statistics.T, strict=True)),
        }


def read_sentences(path: str | Path) -> list[str]:
    """Return the lines of a UTF-8 text file that are not blank.

    Raises:
        ValueError: naming the file, if it is missing, empty or not UTF-8.
    """
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(
            f"data: {str(path)!r} cannot be read ({error.strerror}); give a text file, or 'alice'"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"data: {str(path)!r} is no UTF-8 text ({error})") from error
    sentences = [line.strip() for line in text.splitlines() if line.strip()]
    if not sentences:
        raise ValueError(f"data: {str(path)!r} has no line of text")
    return sentences
