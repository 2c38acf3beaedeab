"""What all schemes of multi-user access share: levels, power control, and the account of a round."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch

from ..accounting import ChannelUses
from ..air.base import AirInterface, Received
from ..draws import Draws
from ..signal import snr_db_to_no
from ..validation import check_choice, check_range
from .devices import per_device

POWER_CONTROL = ("none", "inversion")


@dataclass(frozen=True)
class Levels:
    """Long-term levels of a round; fading comes on top.

    Args:
        no: [batch], real; noise power density at a receive antenna of the base station.
        gain: [batch, num_devices], real; long-term gain from a device to a receive antenna, linear.
        power: [batch, num_devices], real; energy that a device radiates per resource element of its own, 1 without
            power control.
    """

    no: torch.Tensor
    gain: torch.Tensor
    power: torch.Tensor

    @property
    def received(self) -> torch.Tensor:
        """Mean received energy of a resource element at one antenna, [batch, num_devices]."""
        return self.gain * self.power

    @property
    def snr_db(self) -> torch.Tensor:
        """Es/N0 of each device at one receive antenna, averaged over fading, [batch, num_devices], dB."""
        return 10.0 * (self.received / self.no[:, None]).log10()


@dataclass(frozen=True)
class RoundUses:
    """What a round costs, all devices together.

    Args:
        shared: of the round, fields [batch], torch.int64: a resource element in which several devices radiate counts
            once; ``airtime`` is that of the whole round, in elements of the whole band.
        airtime: [batch, num_devices], torch.int64; elements of the whole band that pass while a device is on the air.
        energy: [batch, num_devices], torch.float64; energy that a device radiates, in units of the energy that a
            resource element has at power 1. A cyclic prefix is not in it.
    """

    shared: ChannelUses
    airtime: torch.Tensor
    energy: torch.Tensor


class MultipleAccess(ABC):
    r"""M devices with one antenna each, which reach one base station.

    Device m radiates :math:`p_m` per resource element of its own, 1 in the mean unless power control lowers it. With
    its long-term gain :math:`\beta_m` and :math:`E|h|^2 = 1` it arrives with

    .. math:: E_s/N_0 = \beta_m\, p_m / N_0

    at one antenna, averaged over fading. ``snr_db`` is this ratio before ``path_gain_db`` and power control are
    applied, so with 0 dB and "none" it is the device's SNR in the sense of a single link. The base station has one
    noise: N0 belongs to the device of the largest ``snr_db`` of an item, and the others' smaller values are part of
    their :math:`\beta_m`.

    Power control "inversion" inverts long-term gains without exceeding the unit energy: every device arrives like the
    weakest one, which radiates 1.

    Args:
        air: what a device has when it is alone on the band, from its antenna to all antennas of the base station.
        num_devices: M.
        path_gain_db: one long-term gain per device, dB; 0 if `None`.
        power_control: "none" or "inversion".

    Raises:
        TypeError: if ``air`` is none.
        ValueError: for a list of gains that has not one for each device.
    """

    def __init__(
        self, air: AirInterface, num_devices: int, *, path_gain_db: Sequence[float] | None = None,
        power_control: str = "none",
    ) -> None:  # fmt: skip
        if not isinstance(air, AirInterface):
            raise TypeError(f"air: {type(air).__name__} given; an AirInterface is needed")
        if air.num_streams != 1:
            raise ValueError(f"air.num_streams: {air.num_streams} given; a device has one antenna and sends 1 stream")
        self.num_devices = check_range("num_devices", num_devices, 1, 64, integer=True)
        self.power_control = check_choice("power_control", power_control, POWER_CONTROL)
        gains = [0.0] * self.num_devices if path_gain_db is None else list(path_gain_db)
        per_device("path_gain_db", gains, self.num_devices, 1)
        self.path_gain_db = tuple(float(gain) for gain in gains)
        self.air = air

    @abstractmethod
    def over(self, air: AirInterface) -> Self:
        """Return the same access over another air interface of a device."""

    @abstractmethod
    def transmit(
        self,
        symbols: Sequence[torch.Tensor],
        snr_db: float | torch.Tensor | Sequence[Any],
        draws: Draws,
        num_symbols: Sequence[torch.Tensor] | None = None,
    ) -> list[Received]:
        """Send the symbols of all devices through the air once.

        Device m's fade is that of ``air.fade`` with :func:`~.devices.draws_of_device`, whatever the scheme of access.

        Args:
            symbols: one tensor [batch, width of device m] per device, complex, of unit mean energy.
            snr_db: Es/N0 of each device before path gain and power control; see :func:`~.devices.per_device`.
            draws: where fades and noise come from.
            num_symbols: one tensor [batch], torch.int64, per device: the symbols that each item sends, a prefix;
                all if `None`.

        Returns:
            what the base station has of each device: symbols of the device's width, their effective noise variance,
            and as ``no`` the inverse of the device's long-term SNR.

        Raises:
            ValueError: for the wrong number of entries, batches that differ, or values that are not finite.
        """

    @abstractmethod
    def uses(
        self,
        num_symbols: Sequence[torch.Tensor],
        snr_db: float | torch.Tensor | Sequence[Any],
        num_side: Sequence[torch.Tensor] | None = None,
    ) -> RoundUses:
        """Count what a round costs.

        Args:
            num_symbols: one tensor [batch], torch.int64, per device.
            snr_db: as :meth:`transmit` takes it; shares and power may depend on it.
            num_side: how many of them are side information, one tensor [batch] per device; 0 if `None`.
        """

    def levels(self, snr_db: float | torch.Tensor | Sequence[Any], batch_size: int) -> Levels:
        """Return noise, long-term gains and radiated power of a batch."""
        snr = per_device("snr_db", snr_db, self.num_devices, batch_size).to(self.air.device)
        reference = snr.amax(1, keepdim=True)
        path = torch.tensor(self.path_gain_db, dtype=torch.float64, device=snr.device)
        gain = 10.0 ** ((snr - reference + path) / 10.0)
        weakest = gain.amin(1, keepdim=True)
        power = weakest / gain if self.power_control == "inversion" else torch.ones_like(gain)
        dtype = self.air.dtype
        return Levels(snr_db_to_no(reference[:, 0]).to(dtype), gain.to(dtype), power.to(dtype))

    def _check_list(self, name: str, values: Sequence[Any]) -> None:
        if len(values) != self.num_devices:
            raise ValueError(
                f"{name}: {len(values)} entries given; one for each of {self.num_devices} devices is needed"
            )

    def _counts(
        self, symbols: Sequence[torch.Tensor], num_symbols: Sequence[torch.Tensor] | None
    ) -> list[torch.Tensor]:
        """Check what the devices send, and return how many symbols each item has."""
        self._check_list("symbols", symbols)
        sizes = [len(x) for x in symbols]
        if len(set(sizes)) > 1:
            raise ValueError(f"symbols: batches of {sizes} items given; all devices send for the same items")
        if num_symbols is None:
            return [torch.full((len(x),), x.shape[1], device=x.device) for x in symbols]
        self._check_list("num_symbols", num_symbols)
        return list(num_symbols)

    def _device_uses(
        self, num_symbols: Sequence[torch.Tensor], num_side: Sequence[torch.Tensor] | None
    ) -> list[ChannelUses]:
        """Return what each device uses by itself."""
        self._check_list("num_symbols", num_symbols)
        if num_side is not None:
            self._check_list("num_side", num_side)
        sides = [None] * self.num_devices if num_side is None else num_side
        return [self.air.channel_uses(n, side) for n, side in zip(num_symbols, sides, strict=True)]


def summed(uses: Sequence[ChannelUses], airtime: torch.Tensor) -> ChannelUses:
    """Return what devices use together, each by itself, in ``airtime`` [batch], torch.int64."""
    payload, pilots, side = (
        torch.stack([getattr(one, name) for one in uses]).sum(0) for name in ("payload", "pilots", "side_information")
    )
    return ChannelUses(payload, pilots, side, airtime)
