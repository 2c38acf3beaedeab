"""Tapped delay line channels of TR 38.901."""

from dataclasses import dataclass, replace
from typing import ClassVar

from sionna.phy.channel.tr38901 import TDL

from ..validation import check_choice, check_range
from .channel import Channel, Sampler

MODELS = ("A", "B", "C", "D", "E")


@dataclass(frozen=True, kw_only=True)
class TDLChannel(Channel):
    """TDL-A to TDL-E of 3GPP TR 38.901, clause 7.7.2.

    A, B and C have no line of sight; D and E do. Antennas fade independently.

    Args:
        model: "A" to "E".
        delay_spread: RMS, s.
        carrier_frequency: Hz.
        speed: m/s.

    Raises:
        ValueError: for an unknown model or a value out of range.

    Example:
        >>> channel = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9)
        >>> round(channel.max_delay * 1e9)
        966
    """

    name: ClassVar[str] = "tdl"

    model: str
    delay_spread: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("model", self.model, MODELS)
        check_range("delay_spread", self.delay_spread, 0.0, 1e-3)

    @property
    def max_delay(self) -> float:
        """Delay of the last path, s."""
        return float(self._model(1, 1, "cpu").delays.max())

    def sampler(self, num_tx_ant: int, num_rx_ant: int, device: str) -> Sampler:
        """Return a function that draws impulse responses."""
        model = self._model(num_tx_ant, num_rx_ant, device)

        def sample(batch_size, num_time_steps, sampling_frequency):
            a, tau = model(batch_size, num_time_steps, sampling_frequency)
            return a[:, 0, :, 0], tau[:, 0, 0]

        return sample

    def reference(self, num_tx_ant: int, num_rx_ant: int) -> tuple[Channel, int, int]:
        """Return one antenna at each end of a channel that stands still."""
        return replace(self, speed=0.0, carrier_frequency=3.5e9), *self.one_position(num_tx_ant, num_rx_ant)

    def _model(self, num_tx_ant: int, num_rx_ant: int, device: str) -> TDL:
        return TDL(
            self.model, self.delay_spread, self.carrier_frequency, min_speed=self.speed,
            num_tx_ant=num_tx_ant, num_rx_ant=num_rx_ant, precision="single", device=device,
        )
