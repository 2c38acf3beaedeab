"""Antenna arrays of the spatial channel models."""

from dataclasses import dataclass, replace

from sionna.phy.channel.tr38901 import PanelArray

from ..validation import check_choice, check_range
from .channel import Channel

PATTERNS = ("omni", "38.901")
POLARIZATIONS = ("auto", "single", "dual")


@dataclass(frozen=True, kw_only=True)
class ArrayChannel(Channel):
    """A channel between a base station's and a user terminal's antenna array.

    An array is one horizontal row of elements, half a wavelength apart. The transmitter has one
    antenna per stream, the receiver ``num_rx_ant``; the direction says which of the two is the
    base station.

    Args:
        carrier_frequency: Hz.
        speed: of the user terminal, m/s, in a direction drawn per item.
        direction: "downlink", the base station transmits, or "uplink".
        polarization: "single", vertical elements; "dual", pairs of elements slanted by ±45° at
            one place, for even antenna counts; "auto", pairs where an array's antenna count is
            even and vertical elements where it is odd.
        bs_pattern: element pattern of the base station, "38.901" (a sector of 65°, 8 dBi) or
            "omni".
        ut_pattern: the same of the user terminal.
    """

    direction: str = "downlink"
    polarization: str = "auto"
    bs_pattern: str = "38.901"
    ut_pattern: str = "omni"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("direction", self.direction, ("downlink", "uplink"))
        check_choice("polarization", self.polarization, POLARIZATIONS)
        check_choice("bs_pattern", self.bs_pattern, PATTERNS)
        check_choice("ut_pattern", self.ut_pattern, PATTERNS)

    def arrays(self, num_tx_ant: int, num_rx_ant: int, device: str) -> dict[str, PanelArray]:
        """Return Sionna's ``bs_array`` and ``ut_array``."""
        bs, ut = (num_tx_ant, num_rx_ant) if self.direction == "downlink" else (num_rx_ant, num_tx_ant)
        return {
            "bs_array": self._array(bs, self.bs_pattern, device),
            "ut_array": self._array(ut, self.ut_pattern, device),
        }

    def is_dual(self, num_ant: int) -> bool:
        """Return whether an array of ``num_ant`` antennas is made of cross-polarised pairs.

        Raises:
            ValueError: for an odd number of antennas with polarization "dual".
        """
        check_range("num_ant", num_ant, 1, integer=True)
        if self.polarization == "dual" and num_ant % 2:
            raise ValueError(f"polarization: 'dual' given for {num_ant} antennas; it needs an even number, "
                             "'single' or 'auto' takes any")
        return self.polarization != "single" and num_ant % 2 == 0

    def one_position(self, num_tx_ant: int, num_rx_ant: int) -> tuple[int, int]:
        """Return the transmit and receive antennas of one position per array: 1 or a pair.

        Positions in an array differ by a phase only, so one has the mean gain of all.
        """
        return 1 + self.is_dual(num_tx_ant), 1 + self.is_dual(num_rx_ant)

    def reference(self, num_tx_ant: int, num_rx_ant: int) -> tuple[Channel, int, int]:
        """Return one position per array of a downlink channel that stands still."""
        tx, rx = self.one_position(num_tx_ant, num_rx_ant)
        bs, ut = (tx, rx) if self.direction == "downlink" else (rx, tx)
        return replace(self, speed=0.0, direction="downlink", polarization="auto"), bs, ut

    def _array(self, num_ant: int, pattern: str, device: str) -> PanelArray:
        dual = self.is_dual(num_ant)
        return PanelArray(
            num_rows_per_panel=1,
            num_cols_per_panel=num_ant // 2 if dual else num_ant,
            polarization="dual" if dual else "single",
            polarization_type="cross" if dual else "V",
            antenna_pattern=pattern,
            carrier_frequency=self.carrier_frequency,
            precision="single",
            device=device,
        )
