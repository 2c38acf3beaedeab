"""Clustered delay line channels of TR 38.901."""

from dataclasses import dataclass, replace
from typing import ClassVar

from sionna.phy.channel.tr38901 import CDL

from ..draws import Draws
from ..validation import check_choice, check_range
from .arrays import ArrayChannel
from .channel import Channel, Sampler
from .tdl import MODELS


@dataclass(frozen=True, kw_only=True)
class CDLChannel(ArrayChannel):
    """CDL-A to CDL-E of 3GPP TR 38.901, clause 7.7.1: fixed clusters, random phases and coupling.

    A, B and C have no line of sight; D and E do.

    Args:
        model: "A" to "E".
        delay_spread: RMS, s.
        carrier_frequency: Hz.
        speed: m/s.
        direction: "downlink" or "uplink".
        polarization: "auto", "single" or "dual"; see :class:`ArrayChannel`.
        bs_pattern: "38.901" or "omni".
        ut_pattern: "omni" or "38.901".

    Raises:
        ValueError: for an unknown choice or a value out of range.

    Example:
        >>> channel = CDLChannel(model="C", delay_spread=100e-9, carrier_frequency=3.5e9)
        >>> a, tau = channel.sampler(2, 2, "cpu")(8, 1, 1.0)
        >>> a.shape, tau.shape
        (torch.Size([8, 2, 2, 24, 1]), torch.Size([8, 24]))
    """

    name: ClassVar[str] = "cdl"

    model: str
    delay_spread: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("model", self.model, MODELS)
        check_range("delay_spread", self.delay_spread, 0.0, 1e-3)

    @property
    def max_delay(self) -> float:
        """Delay of the last path, s."""
        with Draws(seed=0).sionna("fade"):
            _, tau = replace(self, polarization="auto").sampler(1, 1, "cpu")(1, 1, 1.0)
        return float(tau.max())

    def sampler(self, num_tx_ant: int, num_rx_ant: int, device: str) -> Sampler:
        """Return a function that draws impulse responses."""
        model = CDL(
            self.model, self.delay_spread, self.carrier_frequency, direction=self.direction,
            min_speed=self.speed, max_speed=self.speed, precision="single", device=device,
            **self.arrays(num_tx_ant, num_rx_ant, device),
        )

        def sample(batch_size, num_time_steps, sampling_frequency):
            a, tau = model(batch_size, num_time_steps, sampling_frequency)
            return a[:, 0, :, 0], tau[:, 0, 0]

        return sample

    def reference(self, num_tx_ant: int, num_rx_ant: int) -> tuple[Channel, int, int]:
        """Return one position per array of a downlink channel that stands still."""
        still, bs, ut = super().reference(num_tx_ant, num_rx_ant)
        return replace(still, carrier_frequency=3.5e9), bs, ut
