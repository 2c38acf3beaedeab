"""How gradients return from the server to a device: perfect, quantised, or over noise."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch

from ...linklevel.draws import Draws
from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_choice, check_range

REAL_BYTES = 4
"""Of a number that is sent as it is: torch.float32."""

SCALE_BYTES = 4
"""Of an item's scale, torch.float32."""


@dataclass(frozen=True)
class Returned:
    """What a device gets back.

    Args:
        gradient: [batch, num_tokens, dim], torch.float32; zero at padding.
        num_bytes: of the message, over the batch.
        channel_uses: complex resource elements over the batch, where it crosses as symbols; else 0.
    """

    gradient: torch.Tensor
    num_bytes: int
    channel_uses: int = 0


class BackwardLink(ABC):
    """The way of gradients from the server to one device."""

    draws_noise = False
    """Whether anything on the way is random."""

    @abstractmethod
    def send(self, gradient: Tokens, draws: Draws) -> Returned:
        """Return what arrives of a gradient.

        Args:
            gradient: of the loss by received tokens, [batch, num_tokens, dim], torch.float32; only what the mask
                has is sent, which both ends know.
            draws: where noise comes from.
        """


class PerfectBackward(BackwardLink):
    """Every number arrives as it was sent, in 32 bits."""

    def send(self, gradient: Tokens, draws: Draws) -> Returned:
        """Return the gradient itself; see :meth:`BackwardLink.send`."""
        return Returned(_masked(gradient), _count(gradient) * REAL_BYTES)


class QuantisedBackward(BackwardLink):
    """Numbers of an item are rounded to a uniform grid over plus and minus its largest magnitude.

    The grid has 2^bits - 1 points, zero among them, and the scale of each item is sent in 32 bits.

    Args:
        bits: of a number, 2...16.
    """

    def __init__(self, bits: int = 8) -> None:
        self.bits = check_range("bits", bits, 2, 16, integer=True)

    def send(self, gradient: Tokens, draws: Draws) -> Returned:
        """Return the rounded gradient; see :meth:`BackwardLink.send`."""
        values = _masked(gradient)
        levels = 2 ** (self.bits - 1) - 1
        largest = values.abs().amax((1, 2), keepdim=True)
        step = torch.where(largest > 0, largest / levels, torch.ones_like(largest))
        content = -(-_count(gradient) * self.bits // 8)
        return Returned((values / step).round() * step, content + SCALE_BYTES * int(gradient.mask.any(1).sum()))


class NoisyBackward(BackwardLink):
    """Numbers cross in pairs as uncoded symbols over additive white Gaussian noise, with the item's scale.

    Args:
        snr_db: Es/N0, dB.
    """

    draws_noise = True

    def __init__(self, snr_db: float) -> None:
        self.snr_db = check_range("snr_db", snr_db, -200.0, 200.0)
        self._links: dict[int, Any] = {}

    def send(self, gradient: Tokens, draws: Draws) -> Returned:
        """Return the gradient with noise, as a receiver estimates it; see :meth:`BackwardLink.send`."""
        values = _masked(gradient)
        sent = gradient.mask & (values != 0).any(2).any(1, keepdim=True)
        if not bool(sent.any()):
            return Returned(values, 0)
        received = self._link(values.shape[2])(Tokens(values, sent), self.snr_db, draws)
        uses = int(received.channel_uses.total.sum())
        return Returned(received.payload.values, int(sent.sum()) * values.shape[2] * REAL_BYTES, uses)

    def _link(self, dim: int) -> Any:
        from ...linklevel.air import FlatAirInterface
        from ...linklevel.links import AnalogLink

        if dim not in self._links:
            air = FlatAirInterface(channel="awgn")
            self._links[dim] = AnalogLink(air, dim, length="known", padding="any", scale_range=(1e-15, 1e9))
        return self._links[dim]


def backward_link(type: str = "perfect", **options: Any) -> BackwardLink:
    """Return a backward link by name.

    Args:
        type: "perfect", "quantised" or "noisy".
        options: ``bits`` of the second, ``snr_db`` of the third.

    Raises:
        ValueError: for an unknown name.
    """
    kinds: dict[str, Any] = {"perfect": PerfectBackward, "quantised": QuantisedBackward, "noisy": NoisyBackward}
    return kinds[check_choice("backward_link", type, kinds)](**options)


def _masked(gradient: Tokens) -> torch.Tensor:
    return torch.where(gradient.mask[..., None], gradient.values, torch.zeros_like(gradient.values))


def _count(gradient: Tokens) -> int:
    return int(gradient.mask.sum()) * gradient.values.shape[2]
