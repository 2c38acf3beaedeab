"""Multipath channel models for an OFDM air interface: 3GPP TR 38.901, as Sionna draws them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from .base import Config
from .number import Real
from .python_target import PythonTarget
from .rules import Broken
from .union import tagged

if TYPE_CHECKING:
    from ...linklevel.air import CDLChannel, RMaChannel, TDLChannel, UMaChannel, UMiChannel


def _unquoted(value: Any) -> Any:
    """Read YAML's 38.901, a number, as the name that is meant."""
    return "38.901" if value == 38.901 and not isinstance(value, str) else value


Pattern = Annotated[Literal["38.901", "omni"], BeforeValidator(_unquoted)]
Model = Literal["A", "B", "C", "D", "E"]
DelaySpread = Annotated[Real, Field(ge=0, le=1e-3, description="RMS delay spread (s).")]
Carrier = Annotated[Real, Field(ge=5e8, le=1e11, description="Carrier frequency (Hz).")]
Speed = Annotated[Real, Field(ge=0, le=1e4, description="Speed of the terminal (m/s).")]


class TDL(Config):
    """Tapped delay line, TR 38.901 section 7.7.2."""

    type: Literal["tdl"] = "tdl"
    model: Model = Field(description="Power delay profile; D and E have a line of sight.")
    delay_spread: DelaySpread
    carrier_frequency: Carrier = 3.5e9
    speed: Speed = 0.0

    def build(self) -> "TDLChannel":
        """Construct the channel."""
        from ...linklevel.air import TDLChannel

        return TDLChannel(**self.parameters())


class _Arrays(Config):
    """Antenna arrays at the base station and the terminal: one row, half a wavelength apart."""

    direction: Literal["downlink", "uplink"] = Field(
        default="downlink", description="Who transmits: the base station (downlink) or the terminal."
    )
    polarization: Literal["auto", "single", "dual"] = Field(
        default="auto",
        description="Vertical elements, crossed pairs, or pairs where the antenna count is even.",
    )
    bs_pattern: Pattern = Field(default="38.901", description="Element pattern of the base station.")
    ut_pattern: Pattern = Field(default="omni", description="Element pattern of the terminal.")


class CDL(_Arrays):
    """Clustered delay line with antenna arrays, TR 38.901 section 7.7.1."""

    type: Literal["cdl"] = "cdl"
    model: Model = Field(description="Clusters; D and E have a line of sight.")
    delay_spread: DelaySpread
    carrier_frequency: Carrier = 3.5e9
    speed: Speed = 0.0

    def build(self) -> "CDLChannel":
        """Construct the channel."""
        from ...linklevel.air import CDLChannel

        return CDLChannel(**self.parameters())


class _SystemLevel(_Arrays):
    """What the three cell models share."""

    carrier_frequency: Carrier = 3.5e9
    speed: Speed = 0.0


class UMi(_SystemLevel):
    """Urban microcell (street canyon), TR 38.901; path loss and shadowing are off."""

    type: Literal["umi"] = "umi"

    def build(self) -> "UMiChannel":
        """Construct the channel."""
        from ...linklevel.air import UMiChannel

        return UMiChannel(**self.parameters())


class UMa(_SystemLevel):
    """Urban macrocell, TR 38.901; path loss and shadowing are off."""

    type: Literal["uma"] = "uma"

    def build(self) -> "UMaChannel":
        """Construct the channel."""
        from ...linklevel.air import UMaChannel

        return UMaChannel(**self.parameters())


class RMa(_SystemLevel):
    """Rural macrocell up to 7 GHz, TR 38.901; path loss and shadowing are off."""

    type: Literal["rma"] = "rma"

    def rules(self) -> Iterator[Broken]:
        """Yield a carrier beyond the model's range."""
        if self.carrier_frequency > 7e9:
            yield Broken("carrier_frequency", self.carrier_frequency, "is above 7 GHz, where the model ends")

    def build(self) -> "RMaChannel":
        """Construct the channel."""
        from ...linklevel.air import RMaChannel

        return RMaChannel(**self.parameters())


Channel = tagged(TDL | CDL | UMi | UMa | RMa | PythonTarget)
"""Any channel model; a Python class is called with ``options``."""
