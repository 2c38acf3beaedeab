"""Uniform random bits: the Monte Carlo task of error rate curves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...linklevel.validation import check_range, check_shape
from ..statistics.metric import Metric
from ..statistics.metrics import RateMetric, RatioMetric
from .base import Task

if TYPE_CHECKING:
    from ...linklevel.draws import Draws
    from ...linklevel.links.base import Reception

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        RatioMetric(name="ber", numerator="bit_errors", denominator="num_bits", scale="log", better="low"),
        RateMetric(name="bler", column="block_error", scale="log", better="low"),
        RatioMetric(
            name="goodput",
            numerator="delivered_bits",
            denominator="channel_uses",
            worst="num_bits",
            unit="bit/channel use",
        ),
    )
}


class BitsTask(Task):
    """Sends blocks of uniform bits and counts what is wrong.

    Columns: ``bit_errors``, ``num_bits``, ``block_error`` (any bit wrong) and ``delivered_bits``:
    those of blocks that are right and accepted by the receiver. A scheme without a verdict accepts
    everything.

    Args:
        num_bits: payload bits of a block.
    """

    name: ClassVar[str] = "bits"
    error_column: ClassVar[str | None] = "block_error"
    stop_metric: ClassVar[str | None] = "bler"

    def __init__(self, *, num_bits: int) -> None:
        self.num_bits = check_range("num_bits", num_bits, 1, integer=True)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """BER, BLER and goodput."""
        return METRICS

    def batch(self, index: int, batch_size: int, draws: "Draws") -> Any:
        """Return bits, [batch_size, num_bits], torch.float32 of 0 and 1."""
        return draws.bits(batch_size, self.num_bits)

    def score(self, payload: Any, reception: "Reception") -> dict[str, np.ndarray]:
        """Count the wrong bits of each block.

        Args:
            payload: [batch, num_bits], torch.float32.
            reception: with a payload of the same shape.
        """
        received = check_shape("reception.payload", reception.payload, tuple(payload.shape))
        errors = (received.cpu() != payload.cpu()).sum(dim=-1).numpy().astype(np.int64)
        accepted = np.asarray(reception.ok.cpu(), bool)
        num_bits = np.full_like(errors, self.num_bits)
        return {
            "bit_errors": errors,
            "num_bits": num_bits,
            "block_error": (errors > 0).astype(np.int64),
            "delivered_bits": np.where((errors == 0) & accepted, num_bits, 0),
        }
