"""Air interfaces: what lies between the transmitter's symbols and the receiver's."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from .base import Config
from .channels import Channel
from .number import Flag, Integer, Real
from .python_target import PythonTarget
from .rules import Broken
from .union import tagged

if TYPE_CHECKING:
    from ...linklevel.air import FlatAirInterface, OFDMAirInterface

CSI = Literal["perfect", "estimated", "none"]
Equalizer = Literal["zf", "lmmse", "mf"]


class FlatAir(Config):
    """One complex gain per symbol or block: AWGN, Rayleigh, Rician."""

    type: Literal["flat"] = "flat"
    channel: Literal["awgn", "rayleigh", "rician"] = Field(default="awgn", description="Law of the gain.")
    k_factor_db: Real | None = Field(
        default=None, ge=-100, le=100, description="Rician: line of sight over scattered power (dB)."
    )
    fading: Literal["block", "symbol"] = Field(
        default="block", description="A fade lasts an item or a symbol."
    )
    csi: CSI = Field(default="perfect", description="What the receiver knows of the channel.")
    num_pilots: Integer = Field(
        default=0,
        ge=0,
        le=4096,
        description="Pilots of an item and stream (channel uses); for csi 'estimated'.",
    )
    equalizer: Equalizer = Field(default="zf", description="Linear equaliser.")
    num_streams: Integer = Field(
        default=1, ge=1, le=4, description="Streams that share a resource element (count)."
    )
    num_rx_ant: Integer = Field(default=1, ge=1, le=64, description="Receive antennas (count).")

    def rules(self) -> Iterator[Broken]:
        """Yield what fading, channel knowledge and antennas rule out."""
        if self.channel == "rician" and self.k_factor_db is None:
            yield Broken("k_factor_db", None, "is missing; channel 'rician' needs its K factor (dB)")
        if self.channel != "rician" and self.k_factor_db is not None:
            yield Broken(
                "k_factor_db", self.k_factor_db, f"is given, but channel {self.channel!r} has no K factor"
            )
        if self.fading == "symbol" and self.csi == "estimated":
            yield Broken(
                "csi",
                self.csi,
                "needs a fade that lasts: no pilot sees the fade of another symbol; "
                "take fading 'block' or csi 'perfect'",
            )
        if self.csi == "estimated" and self.num_pilots < 1:
            yield Broken("num_pilots", self.num_pilots, "is too few; csi 'estimated' needs at least 1")
        if self.csi != "estimated" and self.num_pilots > 0:
            yield Broken("num_pilots", self.num_pilots, f"is given, but csi {self.csi!r} uses no pilots")
        if self.channel == "awgn" and self.num_streams > 1:
            yield Broken(
                "num_streams",
                self.num_streams,
                "is too many for channel 'awgn', whose matrix has rank 1; take 1",
            )
        yield from _antennas(self.num_streams, self.num_rx_ant, self.csi)

    @property
    def has_csi(self) -> bool:
        """Whether the receiver knows or estimates the phase of the channel."""
        return self.csi != "none" or self.channel == "awgn"

    def build(self, **arguments: Any) -> "FlatAirInterface":
        """Construct the air interface; ``arguments`` are precision and device."""
        from ...linklevel.air import FlatAirInterface

        return FlatAirInterface(**self.parameters(), **arguments)


class OFDMAir(Config):
    """OFDM resource grids over a multipath channel."""

    type: Literal["ofdm"] = "ofdm"
    channel: Channel = Field(description="Multipath channel model.")
    num_ofdm_symbols: Integer = Field(
        default=14, ge=1, le=1000, description="OFDM symbols of a grid (count)."
    )
    fft_size: Integer = Field(ge=1, le=8192, description="Subcarriers of a grid, guards included (count).")
    subcarrier_spacing: Real = Field(default=30e3, ge=1, le=1e9, description="Subcarrier spacing (Hz).")
    cyclic_prefix_length: Integer = Field(default=0, ge=0, le=8192, description="Cyclic prefix (samples).")
    num_guard_carriers: tuple[Integer, Integer] = Field(
        default=(0, 0), description="Unused subcarriers at the lower and upper edge (count)."
    )
    dc_null: Flag = Field(default=False, description="Leave the middle subcarrier empty (true or false).")
    pilot_pattern: Literal["kronecker", "none"] = Field(default="kronecker", description="Where pilots lie.")
    pilot_ofdm_symbol_indices: tuple[Integer, ...] = Field(
        default=(2, 11), description="OFDM symbols that carry pilots (indices from 0)."
    )
    csi: CSI = Field(default="perfect", description="What the receiver knows of the channel.")
    estimator: Literal["ls", "lmmse"] = Field(default="ls", description="Channel estimator at the pilots.")
    interpolation: Literal["nn", "lin", "lin_time_avg", "lmmse"] = Field(
        default="lin", description="From the pilots to the other resource elements."
    )
    equalizer: Equalizer = Field(default="lmmse", description="Linear equaliser.")
    domain: Literal["frequency", "time"] = Field(
        default="frequency",
        description="Channel as one gain per resource element, or as a filter of samples.",
    )
    slots: Literal["continuous", "independent"] = Field(
        default="continuous", description="Whether the fade continues over the grids of one item."
    )
    num_streams: Integer = Field(
        default=1, ge=1, le=4, description="Streams that share a resource element (count)."
    )
    num_rx_ant: Integer = Field(default=1, ge=1, le=64, description="Receive antennas (count).")

    def rules(self) -> Iterator[Broken]:
        """Yield what does not fit the grid or the pilots."""
        yield from _antennas(self.num_streams, self.num_rx_ant, self.csi)
        if min(self.num_guard_carriers) < 0:
            yield Broken("num_guard_carriers", list(self.num_guard_carriers), "must not be negative")
        elif self.num_subcarriers < 1:
            yield Broken(
                "num_guard_carriers",
                list(self.num_guard_carriers),
                f"leaves no subcarrier of fft_size = {self.fft_size}"
                + (" with the DC carrier empty" if self.dc_null else ""),
            )
        if self.cyclic_prefix_length > self.fft_size:
            yield Broken(
                "cyclic_prefix_length",
                self.cyclic_prefix_length,
                f"is longer than the OFDM symbol of fft_size = {self.fft_size} samples",
            )
        if self.pilot_pattern == "none" and self.csi == "estimated":
            yield Broken(
                "pilot_pattern", "none", "leaves nothing to estimate from; csi 'estimated' needs 'kronecker'"
            )
        if self.pilot_pattern == "kronecker":
            yield from self._pilots()
        if getattr(self.channel, "polarization", None) == "dual" and (
            self.num_streams % 2 or self.num_rx_ant % 2
        ):
            yield Broken(
                "channel.polarization",
                "dual",
                "needs even antenna counts at both ends; "
                f"num_streams is {self.num_streams} and num_rx_ant {self.num_rx_ant}; take 'auto'",
            )

    def _pilots(self) -> Iterator[Broken]:
        indices, field = self.pilot_ofdm_symbol_indices, "pilot_ofdm_symbol_indices"
        outside = [i for i in indices if not 0 <= i < self.num_ofdm_symbols]
        if outside:
            yield Broken(field, list(indices), f"must lie in the grid: from 0 to {self.num_ofdm_symbols - 1}")
        elif len(set(indices)) < len(indices):
            yield Broken(field, list(indices), "names an OFDM symbol twice")
        elif not indices:
            yield Broken(field, [], "is empty; pilot_pattern 'kronecker' needs at least one OFDM symbol")
        elif len(indices) == self.num_ofdm_symbols:
            yield Broken(
                field,
                list(indices),
                f"leaves no room for data: all {self.num_ofdm_symbols} OFDM symbols carry pilots",
            )
        if self.num_subcarriers > 0 and self.num_subcarriers % self.num_streams:
            yield Broken(
                "num_streams",
                self.num_streams,
                f"does not divide the {self.num_subcarriers} used subcarriers, which Kronecker pilots need",
            )

    @property
    def num_subcarriers(self) -> int:
        """Subcarriers that carry something: without guards and DC."""
        return self.fft_size - sum(self.num_guard_carriers) - self.dc_null

    @property
    def has_csi(self) -> bool:
        """Whether the receiver knows or estimates the channel."""
        return self.csi != "none"

    def build(self, **arguments: Any) -> "OFDMAirInterface":
        """Construct the air interface; ``arguments`` are precision and device."""
        from ...linklevel.air import OFDMAirInterface

        return OFDMAirInterface(**{**self.parameters(), "channel": self.channel.build()}, **arguments)


def _antennas(num_streams: int, num_rx_ant: int, csi: str) -> Iterator[Broken]:
    if num_rx_ant < num_streams:
        rule = f"is fewer than num_streams = {num_streams}; streams are told apart by as many antennas"
        yield Broken("num_rx_ant", num_rx_ant, rule)
    elif csi == "none" and num_rx_ant > 1:
        yield Broken(
            "num_rx_ant", num_rx_ant, "cannot be combined without channel knowledge; csi 'none' takes 1"
        )


Air = tagged(FlatAir | OFDMAir | PythonTarget)
"""Any air interface; a Python class is called with ``options``, ``precision`` and ``device``."""
