"""Several devices' links over one scheme of access."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import nn

from ..air.base import AirInterface, Received
from ..draws import Draws
from ..links.base import Link, Reception, Signal
from ..links.token_base import TokenLink
from .access import MultipleAccess, RoundUses
from .devices import draws_of_device


@dataclass(frozen=True)
class MultiUserReception:
    """What a round delivers.

    Args:
        devices: one reception per device: its payload, verdict, own channel uses, and long-term SNR [batch], dB.
        uses: what the round cost, all devices together.
    """

    devices: tuple[Reception, ...]
    uses: RoundUses

    @property
    def payloads(self) -> list[Any]:
        """What was received of each device."""
        return [reception.payload for reception in self.devices]

    @property
    def ok(self) -> torch.Tensor:
        """Whether the receiver calls all of an item right, [batch], torch.bool."""
        return torch.stack([reception.ok for reception in self.devices]).all(0)


class MultiUserLink(nn.Module):
    """M links, one for each device, whose symbols go through one scheme of access.

    ```
    payload 1 ─► link 1 ─► symbols ─┐                  ┌─► symbols, no_eff ─► link 1 ─► payload 1
      ...                           ├─► access (air) ──┤        ...
    payload M ─► link M ─► symbols ─┘                  └─► symbols, no_eff ─► link M ─► payload M
    ```

    Any link may be a device's: learned, analog, quantised or digital, each with its own payload and length. A link
    adapts to its device's long-term SNR, path gain and power control included, which is also what its decoder is told.

    Args:
        links: one per device, built on ``access.air``.
        access: orthogonal or uplink MIMO.

    Raises:
        TypeError: for what is no link, or one that sends in a way of its own.
        ValueError: for another number of links, or one over another air interface.

    Example:
        >>> from tokencom.linklevel import AnalogLink, FlatAirInterface, Tokens
        >>> from tokencom.linklevel.multiuser import UplinkMIMO
        >>> access = UplinkMIMO(FlatAirInterface(channel="rayleigh", num_rx_ant=4), 2)
        >>> link = MultiUserLink([AnalogLink(access.air, dim=8), AnalogLink(access.air, dim=16)], access)
        >>> sent = [Tokens(torch.randn(3, 5, 8)), Tokens(torch.randn(3, 2, 16))]
        >>> [tuple(payload.values.shape) for payload in link(sent, 20.0, Draws(seed=1)).payloads]
        [(3, 5, 8), (3, 2, 16)]
    """

    def __init__(self, links: Sequence[Link], access: MultipleAccess) -> None:
        super().__init__()
        if len(links) != access.num_devices:
            raise ValueError(f"links: {len(links)} given; one for each of {access.num_devices} devices is needed")
        for m, link in enumerate(links):
            if not isinstance(link, Link) or type(link).forward not in {Link.forward, TokenLink.forward}:
                raise TypeError(f"links[{m}]: {type(link).__name__} given; a link that encodes and decodes is needed")
            if link.air is not access.air:
                raise ValueError(f"links[{m}]: its air interface is another object than access.air; build it on that")
        self.links = nn.ModuleList(links)
        self.access = access
        self.air = access.air

    def through(self, air: AirInterface) -> Self:
        """Return this link over another air interface of the devices; see :meth:`Link.through`."""
        other = copy.copy(self)
        other._modules = dict(self._modules)
        other.access, other.air = self.access.over(air), air
        other.links = nn.ModuleList(link.through(air) for link in self.devices)
        return other

    @property
    def devices(self) -> tuple[Link, ...]:
        """The links, one per device."""
        return tuple(link for link in self.links if isinstance(link, Link))

    @property
    def has_verdict(self) -> bool:
        """Whether the receiver can call an item wrong; see :attr:`Link.has_verdict`."""
        return any(link.has_verdict for link in self.devices)

    @property
    def auxiliary_loss(self) -> torch.Tensor:
        """Sum of the links' auxiliary losses, a scalar."""
        losses = [getattr(link, "auxiliary_loss", None) for link in self.devices]
        return sum((loss for loss in losses if loss is not None), torch.zeros(()))

    def snr_of_devices(self, snr_db: float | torch.Tensor | Sequence[Any], batch_size: int) -> list[torch.Tensor]:
        """Return each device's Es/N0 at one antenna, path gain and power control included, [batch], dB, float32."""
        return list(self.access.levels(snr_db, batch_size).snr_db.float().unbind(1))

    def encode(self, payloads: Sequence[Any], snr_db: float | torch.Tensor | Sequence[Any]) -> list[Signal]:
        """Turn the devices' payloads into symbols; see :meth:`Link.encode`."""
        snr = self.snr_of_devices(snr_db, self._batch_size(payloads))
        return [link.encode(payload, one) for link, payload, one in zip(self.devices, payloads, snr, strict=True)]

    def decode(self, received: Sequence[Received]) -> list[tuple[Any, torch.Tensor]]:
        """Turn what was received of each device into payloads and verdicts; see :meth:`Link.decode`."""
        return [link.decode(one) for link, one in zip(self.devices, received, strict=True)]

    def forward(
        self, payloads: Sequence[Any], snr_db: float | torch.Tensor | Sequence[Any], draws: Draws
    ) -> MultiUserReception:
        """Send a round.

        Args:
            payloads: one batch per device, for the same items.
            snr_db: Es/N0 of each device before path gain and power control, dB: a number, [batch], a list with one
                entry per device, or [batch, num_devices].
            draws: where fades, noise and rates come from.

        Raises:
            ValueError: for the wrong number of payloads or SNRs, or batches that differ.
        """
        snr = self.snr_of_devices(snr_db, self._batch_size(payloads))
        departures = [
            link.depart(payload, snr[m], draws_of_device(draws, m))
            for m, (link, payload) in enumerate(zip(self.devices, payloads, strict=True))
        ]
        signals = [departure.signal for departure in departures]
        counts = [signal.num_symbols for signal in signals]
        with torch.autocast(torch.device(self.air.device).type, enabled=False):
            received = self.access.transmit([signal.symbols for signal in signals], snr_db, draws, counts)
        receptions = tuple(
            link.arrive(departure, heard)
            for link, departure, heard in zip(self.devices, departures, received, strict=True)
        )
        return MultiUserReception(receptions, self.access.uses(counts, snr_db, [signal.num_side for signal in signals]))

    def clean(self, payloads: Sequence[Any], snr_db: float | torch.Tensor | Sequence[Any]) -> list[Any]:
        """Return what the receiver has without fading, noise and header errors; see :meth:`TokenLink.clean`."""
        snr = self.snr_of_devices(snr_db, self._batch_size(payloads))
        links: Sequence[Any] = self.devices
        return [link.clean(payload, one) for link, payload, one in zip(links, payloads, snr, strict=True)]

    def blind(
        self, payloads: Sequence[Any], snr_db: float | torch.Tensor | Sequence[Any] = 0.0, draws: Draws | None = None
    ) -> list[Any]:
        """Return what the receiver makes of noise, no device sending; see :meth:`TokenLink.blind`."""
        snr = self.snr_of_devices(snr_db, self._batch_size(payloads))
        draws = Draws(seed=0) if draws is None else draws
        links: Sequence[Any] = self.devices
        return [
            link.blind(payload, one, draws_of_device(draws, m))
            for m, (link, payload, one) in enumerate(zip(links, payloads, snr, strict=True))
        ]

    def _batch_size(self, payloads: Sequence[Any]) -> int:
        """Check the payloads and return their number of items."""
        if len(payloads) != len(self.links):
            raise ValueError(f"payloads: {len(payloads)} given; one for each of {len(self.links)} devices is needed")
        sizes = [len(payload) for payload in payloads]
        if len(set(sizes)) > 1:
            raise ValueError(f"payloads: batches of {sizes} items given; all devices send for the same items")
        return sizes[0]
