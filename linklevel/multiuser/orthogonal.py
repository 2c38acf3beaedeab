"""Orthogonal multi-user access: each device has a share of the time or of the band for itself."""

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import torch

from ..air.base import AirInterface, Received
from ..air.flat import FlatAirInterface
from ..draws import Draws
from ..validation import check_choice
from .access import Levels, MultipleAccess, RoundUses, summed
from .devices import draws_of_device
from .shares import POWER, max_min_shares

SHARES = ("equal", "payload", "weakest")
DOMAINS = ("time", "frequency")


class OrthogonalAccess(MultipleAccess):
    r"""M devices in turn, or side by side in frequency; nothing interferes.

    Every device sends over ``air`` as if alone, and the base station's antennas all serve it. Shares say how much of
    the round a device has: a device that needs :math:`n_m` elements, pilots included, has them after
    :math:`n_m / w_m` elements of the whole band, and a round lasts until the last device is served.

    * "equal": :math:`w_m = 1/M`; the round lasts M times its longest payload.
    * "payload": in proportion to the elements of each item; the round lasts the sum.
    * "weakest": :func:`~.shares.max_min_shares` of the long-term SNRs and ``weights``, the largest smallest
      rate; ergodic capacity of a flat ``air``, of the mean SNR for others. ``power="shared"`` divides the power too:
      the energy per element is then :math:`q_m / w_m`, 1 in the mean over the band.

    In frequency a device is on the air for :math:`n_m / w_m` elements of time; in time for :math:`n_m`. The energy per
    symbol is the same.

    Args:
        air: any air interface; guards, cyclic prefix and half-empty grids are part of its airtime.
        num_devices: M.
        shares: "equal", "payload" or "weakest".
        power: "unit" or "shared"; "weakest" only.
        domain: "time" or "frequency".
        weights: payload of each device, relative to each other, for "weakest"; equal if `None`.
        options: ``path_gain_db`` and ``power_control``; see :class:`~.access.MultipleAccess`.

    Raises:
        ValueError: for choices that contradict each other, or lists without one entry per device.

    Example:
        >>> access = OrthogonalAccess(FlatAirInterface(channel="rayleigh"), 2, shares="payload")
        >>> uses = access.uses([torch.tensor([30]), torch.tensor([10])], 10.0)
        >>> uses.shared.airtime.tolist(), uses.airtime.tolist()
        ([40], [[30, 10]])
    """

    def __init__(
        self, air: AirInterface, num_devices: int, *, shares: str = "equal", power: str = "unit", domain: str = "time",
        weights: Sequence[float] | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(air, num_devices, **options)
        self.shares = check_choice("shares", shares, SHARES)
        self.power = check_choice("power", power, POWER)
        self.domain = check_choice("domain", domain, DOMAINS)
        if shares != "weakest" and (power != "unit" or weights is not None):
            raise ValueError(f"shares: {shares!r} given with power or weights, which belong to shares 'weakest'")
        if power == "shared" and self.power_control != "none":
            raise ValueError("power: 'shared' given with power control, which sets the power too; 'unit' is allowed")
        if weights is not None:
            self._check_list("weights", weights)
        self.weights = (1.0,) * self.num_devices if weights is None else tuple(map(float, weights))
        self._optimum([0.0] * self.num_devices)  # so that wrong weights show at once

    def over(self, air: AirInterface) -> Self:
        """Return the same access over another air interface; see :meth:`MultipleAccess.over`."""
        if not isinstance(air, AirInterface):
            raise TypeError(f"air: {type(air).__name__} given; an AirInterface is needed")
        other = copy.copy(self)
        other.air = air
        return other

    def _optimum(self, snr_db: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return bandwidth and energy of each device at the best shares for the weakest."""
        options: dict[str, Any] = {"num_rx_ant": getattr(self.air, "num_rx_ant", 1)}
        if isinstance(self.air, FlatAirInterface):
            options |= {"channel": self.air.channel, "k_factor_db": self.air.k_factor_db}
        best = max_min_shares(snr_db, self.weights, power=self.power, **options)
        return best.bandwidth, best.energy

    def _weakest(self, snr_db: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return bandwidths and energies [batch, num_devices] for SNRs [batch, num_devices], solved once each."""
        rows, index = snr_db.double().round(decimals=6).unique(dim=0, return_inverse=True)
        solved = [self._optimum(row) for row in rows.tolist()]
        bandwidth, energy = (
            torch.tensor(part, dtype=torch.float64, device=snr_db.device).reshape(-1, self.num_devices)
            for part in (list(zip(*solved, strict=True)) or [(), ()])
        )
        return bandwidth[index], energy[index]

    def levels(self, snr_db: float | torch.Tensor | Sequence[Any], batch_size: int) -> Levels:
        """Return noise, long-term gains and radiated power; see :meth:`MultipleAccess.levels`."""
        levels = super().levels(snr_db, batch_size)
        if self.power == "unit":
            return levels
        _, energy = self._weakest(levels.snr_db)
        return dataclasses.replace(levels, power=energy.to(levels.power))

    def transmit(
        self,
        symbols: Sequence[torch.Tensor],
        snr_db: float | torch.Tensor | Sequence[Any],
        draws: Draws,
        num_symbols: Sequence[torch.Tensor] | None = None,
    ) -> list[Received]:
        """Send the symbols of one device after the other; see :meth:`MultipleAccess.transmit`."""
        counts = self._counts(symbols, num_symbols)
        levels = self.levels(snr_db, len(symbols[0]))
        no = levels.no[:, None] / levels.received
        return [self.air(x, no[:, m], draws_of_device(draws, m), num_symbols=counts[m]) for m, x in enumerate(symbols)]

    def bandwidth(self, elements: torch.Tensor, snr_db: float | torch.Tensor | Sequence[Any]) -> torch.Tensor:
        """Return the devices' shares of the round, [batch, num_devices], torch.float64; rows sum to 1.

        Args:
            elements: [batch, num_devices], torch.int64; what each device needs, pilots included.
            snr_db: as :meth:`transmit` takes it.
        """
        equal = torch.full(elements.shape, 1.0 / self.num_devices, dtype=torch.float64, device=elements.device)
        if self.shares == "equal":
            return equal
        if self.shares == "payload":
            total = elements.sum(1, keepdim=True)
            return torch.where(total > 0, elements / total.clamp(min=1).double(), equal)
        return self._weakest(super().levels(snr_db, len(elements)).snr_db)[0].to(elements.device)

    def uses(
        self,
        num_symbols: Sequence[torch.Tensor],
        snr_db: float | torch.Tensor | Sequence[Any],
        num_side: Sequence[torch.Tensor] | None = None,
    ) -> RoundUses:
        """Count what a round costs; see :meth:`MultipleAccess.uses`."""
        uses = self._device_uses(num_symbols, num_side)
        own = torch.stack([u.airtime for u in uses], 1)
        share = self.bandwidth(own, snr_db).clamp_min(torch.finfo(torch.float64).tiny)
        # The margin keeps a quotient that is whole from being rounded up.
        lasts = torch.where(own > 0, (own / share * (1.0 - 1e-12)).ceil(), 0.0).long()
        shared = summed(uses, lasts.amax(1))
        radiated = torch.stack([u.total for u in uses], 1).double()
        energy = radiated * self.levels(snr_db, len(own)).power.double()
        return RoundUses(shared, own if self.domain == "time" else lasts, energy)
