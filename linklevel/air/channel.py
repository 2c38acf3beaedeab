"""The interface of a multipath channel model."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch

from ..validation import check_range

SPEED_OF_LIGHT = 299792458.0

Sampler = Callable[[int, int, float], tuple[torch.Tensor, torch.Tensor]]
"""(batch_size, num_time_steps, sampling_frequency in Hz) -> path coefficients [batch, num_rx_ant,
num_tx_ant, num_paths, num_time_steps], torch.complex64, and path delays [batch, num_paths],
torch.float32, s. Draws from Sionna's generator."""


@dataclass(frozen=True, kw_only=True)
class Channel(ABC):
    """A stochastic multipath channel: how impulse responses are drawn, before the gain constant.

    Impulse responses are drawn in single precision by Sionna and widened where needed, so
    double-precision runs meet the same fades.

    Args:
        carrier_frequency: Hz.
        speed: of the user terminal, m/s. At 0 the channel stands still for a whole item.
    """

    name: ClassVar[str]
    """Name of the model family."""

    max_carrier_frequency: ClassVar[float] = 100e9
    """Where the validity of TR 38.901 ends, Hz; it begins at 0.5 GHz."""

    carrier_frequency: float
    speed: float = 0.0

    def __post_init__(self) -> None:
        check_range("carrier_frequency", self.carrier_frequency, 0.5e9, self.max_carrier_frequency)
        check_range("speed", self.speed, 0.0, 1e4)

    @property
    def max_doppler(self) -> float:
        """Largest Doppler shift, Hz."""
        return self.speed / SPEED_OF_LIGHT * self.carrier_frequency

    @property
    @abstractmethod
    def max_delay(self) -> float:
        """Delay of the last path that matters, s."""

    @abstractmethod
    def sampler(self, num_tx_ant: int, num_rx_ant: int, device: str) -> Sampler:
        """Return a function that draws impulse responses."""

    def one_position(self, num_tx_ant: int, num_rx_ant: int) -> tuple[int, int]:
        """Return the fewest transmit and receive antennas with the same mean gain: (1, 1)."""
        return 1, 1

    @abstractmethod
    def reference(self, num_tx_ant: int, num_rx_ant: int) -> tuple["Channel", int, int]:
        """Return the simplest channel and antenna counts with the same path powers and delays.

        Speed, position in an array and direction of the link leave them alone, so one constant
        serves all of these.
        """
