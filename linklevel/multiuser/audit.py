"""Measures that every device of a round keeps the signal contract."""

from collections.abc import Sequence
from typing import Any

import torch

from ..air.base import Received
from ..audit import AuditReport, audit_link
from ..draws import Draws
from ..links.base import Link, Reception, Signal
from .devices import draws_of_device
from .link import MultiUserLink
from .uplink import UplinkMIMO


class _OneDevice(Link):
    """One device of an uplink, whose signal takes the way of the round while the others are silent."""

    def __init__(self, users: MultiUserLink, device: int) -> None:
        super().__init__(users.air)
        self.users, self.device = users, device

    def encode(self, payload: Any, snr_db: torch.Tensor) -> Signal:
        """Encode with the device's link."""
        return self._link.encode(payload, snr_db)

    def decode(self, received: Received) -> tuple[Any, torch.Tensor]:
        """Decode with the device's link."""
        return self._link.decode(received)

    def forward(self, payload: Any, snr_db: Any, draws: Draws) -> Reception:
        """Send what the device sends in a round; its SNR is that which N0 belongs to."""
        access, m = self.users.access, self.device
        batch = len(payload)
        levels = access.levels(snr_db, batch)
        departure = self._link.depart(payload, levels.snr_db[:, m].float(), draws_of_device(draws, m))
        signal = departure.signal
        silence, nothing = torch.zeros_like(signal.symbols), torch.zeros_like(signal.num_symbols)
        symbols, counts = [silence] * access.num_devices, [nothing] * access.num_devices
        symbols[m], counts[m] = signal.symbols, signal.num_symbols
        reception = self._link.arrive(departure, access.transmit(symbols, snr_db, draws, counts)[m])
        reference = -10.0 * levels.no.float().log10()
        return Reception(reception.payload, reception.ok, reception.channel_uses, reference)

    @property
    def _link(self) -> Link:
        return self.users.devices[self.device]


def audit_devices(
    link: MultiUserLink,
    payloads: Sequence[Any],
    snr_db: float | torch.Tensor | Sequence[Any],
    draws: Draws,
    num_draws: int = 20_000,
    only: Sequence[bool] | None = None,
) -> tuple[AuditReport, ...]:
    """Audit each device; see :func:`~tokencom.linklevel.audit_link`.

    In an uplink a device is measured on the way that a round takes, while the others are silent; Es/N0 is the one
    before path gain and power control. Under orthogonal access its link is audited by itself, at the SNR with which
    the device arrives.

    Args:
        link: the devices' links and their access.
        payloads: one batch per device.
        snr_db: as the link takes it.
        draws: where fades and noise come from.
        num_draws: fades behind each gain.
        only: for each device, whether it is audited; one that sends nothing cannot be. All if `None`.

    Returns:
        one report per device that is audited.
    """
    chosen = [m for m in range(len(payloads)) if only is None or only[m]]
    if isinstance(link.access, UplinkMIMO):
        return tuple(
            audit_link(_OneDevice(link, m), payloads[m], snr_db, draws, num_draws)  # type: ignore[arg-type]
            for m in chosen
        )
    snr = link.snr_of_devices(snr_db, len(payloads[0]))
    return tuple(
        audit_link(link.devices[m], payloads[m], snr[m], draws_of_device(draws, m), num_draws) for m in chosen
    )
