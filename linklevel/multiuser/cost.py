"""Latency and energy of a round, from channel uses, bandwidth and power."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..validation import check_range
from .access import RoundUses
from .devices import per_device


@dataclass(frozen=True)
class RoundCost:
    """What a round takes; all fields torch.float64.

    Args:
        airtime: [batch], s; from the first element on the air to the last.
        latency: [batch], s; airtime, before it the slowest device's computation, behind it the base station's.
        device_airtime: [batch, num_devices], s; time during which a device is on the air.
        device_energy: [batch, num_devices], J; radiated energy and computation of a device.
        server_energy: [batch], J; computation at the base station.
    """

    airtime: torch.Tensor
    latency: torch.Tensor
    device_airtime: torch.Tensor
    device_energy: torch.Tensor
    server_energy: torch.Tensor

    @property
    def energy(self) -> torch.Tensor:
        """Energy of all devices and the base station, [batch], J."""
        return self.device_energy.sum(1) + self.server_energy


def round_cost(
    uses: RoundUses,
    *,
    bandwidth: float,
    power: float,
    computation: float | Sequence[float] = 0.0,
    computation_power: float | Sequence[float] = 0.0,
    server_computation: float = 0.0,
    server_power: float = 0.0,
) -> RoundCost:
    r"""Turn channel uses into seconds and joules.

    At bandwidth B a complex resource element takes :math:`1/B`, so a device that would radiate power P over the whole
    band spends :math:`P/B` on a resource element of unit energy:

    .. math:: T = \max_m t_m + n/B + t_s, \qquad E_m = e_m P/B + t_m P_m

    Args:
        uses: of the round.
        bandwidth: B, Hz.
        power: P, W; of a device whose resource elements have unit energy.
        computation: t, s; per item, of each device (a list) or of all.
        computation_power: W; while computing, of each device or of all.
        server_computation: s; per item.
        server_power: W; while computing.

    Raises:
        ValueError: for a bandwidth that is not positive, negative times or powers, or lists of another length.

    Example:
        >>> from tokencom.linklevel.accounting import ChannelUses
        >>> n, none = torch.tensor([1000]), torch.tensor([0])
        >>> uses = RoundUses(ChannelUses(n, none, none, n), n[:, None], n[:, None].double())
        >>> cost = round_cost(uses, bandwidth=1e6, power=0.2)
        >>> cost.latency.tolist(), cost.energy.tolist()
        ([0.001], [0.0002])
    """
    if check_range("bandwidth", bandwidth, 0.0) == 0.0:
        raise ValueError("bandwidth: 0 given; it must be above 0 Hz")
    for name, value in (("power", power), ("server_computation", server_computation), ("server_power", server_power)):
        check_range(name, value, 0.0)
    batch, num_devices = uses.energy.shape
    device = uses.energy.device
    times = per_device("computation", computation, num_devices, 1).to(device)
    watts = per_device("computation_power", computation_power, num_devices, 1).to(device)
    for name, values in (("computation", times), ("computation_power", watts)):
        check_range(name, float(values.min()), 0.0)
    airtime = uses.shared.airtime.double() / bandwidth
    return RoundCost(
        airtime=airtime,
        latency=times.amax() + airtime + server_computation,
        device_airtime=uses.airtime.double() / bandwidth,
        device_energy=uses.energy.double() * (power / bandwidth) + times * watts,
        server_energy=torch.full((batch,), server_computation * server_power, dtype=torch.float64, device=device),
    )
