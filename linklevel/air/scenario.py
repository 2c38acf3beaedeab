"""The urban and rural scenarios of TR 38.901."""

from dataclasses import dataclass
from typing import Any, ClassVar

from sionna.phy.channel import gen_single_sector_topology
from sionna.phy.channel.tr38901 import RMa, UMa, UMi

from .arrays import ArrayChannel
from .channel import Sampler


@dataclass(frozen=True, kw_only=True)
class ScenarioChannel(ArrayChannel):
    """A terminal dropped at random in one sector of a base station, for every item anew.

    Location, indoor and line-of-sight state, large-scale parameters and rays follow 3GPP TR
    38.901, clause 7.5, with Sionna's drop parameters. Path loss and shadow fading are off: the
    SNR is set by the link, not by the geometry.

    Args:
        carrier_frequency: Hz.
        speed: m/s.
        direction: "downlink" or "uplink".
        polarization: "auto", "single" or "dual"; see :class:`ArrayChannel`.
        bs_pattern: "38.901" or "omni".
        ut_pattern: "omni" or "38.901".

    Raises:
        ValueError: for an unknown choice or a value out of range.
    """

    model: ClassVar[type]
    options: ClassVar[dict[str, Any]] = {}

    @property
    def max_delay(self) -> float:
        """5 µs: 99.9 % of the mean energy of each of the three scenarios arrives before it."""
        return 5e-6

    def sampler(self, num_tx_ant: int, num_rx_ant: int, device: str) -> Sampler:
        """Return a function that drops terminals and draws impulse responses."""
        model = self.model(
            carrier_frequency=self.carrier_frequency, direction=self.direction,
            enable_pathloss=False, enable_shadow_fading=False, precision="single", device=device,
            **self.options, **self.arrays(num_tx_ant, num_rx_ant, device),
        )

        def sample(batch_size, num_time_steps, sampling_frequency):
            model.reset_topology()
            model.set_topology(*gen_single_sector_topology(
                batch_size, 1, self.name, min_ut_velocity=self.speed, max_ut_velocity=self.speed,
                precision="single", device=device,
            ))
            a, tau = model(num_time_steps, sampling_frequency)
            return a[:, 0, :, 0], tau[:, 0, 0]

        return sample


@dataclass(frozen=True, kw_only=True)
class UMiChannel(ScenarioChannel):
    """Urban micro, street canyon; arguments as in :class:`ScenarioChannel`."""

    name: ClassVar[str] = "umi"
    model: ClassVar[type] = UMi
    # The penetration loss that this selects is part of the path loss, which is off.
    options: ClassVar[dict[str, Any]] = {"o2i_model": "low"}


@dataclass(frozen=True, kw_only=True)
class UMaChannel(ScenarioChannel):
    """Urban macro; arguments as in :class:`ScenarioChannel`."""

    name: ClassVar[str] = "uma"
    model: ClassVar[type] = UMa
    options: ClassVar[dict[str, Any]] = {"o2i_model": "low"}


@dataclass(frozen=True, kw_only=True)
class RMaChannel(ScenarioChannel):
    """Rural macro, up to 7 GHz; arguments as in :class:`ScenarioChannel`."""

    name: ClassVar[str] = "rma"
    max_carrier_frequency: ClassVar[float] = 7e9
    model: ClassVar[type] = RMa
