"""Reference lines of a figure: closed forms of ``tokencom.linklevel.theory`` over the SNR."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from .base import Config
from .constellations import CONSTELLATION_BITS
from .number import Integer, Real
from .rules import Broken
from .union import tagged


class FlatParameters(Config):
    """A flat channel that the receiver knows."""

    channel: Literal["awgn", "rayleigh", "rician"] = Field(default="awgn", description="Law of the gain.")
    k_factor_db: Real | None = Field(
        default=None, ge=-60, le=60, description="Rician: line of sight over scattered power (dB)."
    )
    num_rx_ant: Integer = Field(
        default=1, ge=1, le=64, description="Antennas combined with maximum ratio (count)."
    )

    def rules(self) -> Iterator[Broken]:
        """Yield a K factor that is missing or has no use."""
        if self.channel == "rician" and self.k_factor_db is None:
            yield Broken("k_factor_db", None, "is missing; channel 'rician' needs its K factor (dB)")
        if self.channel != "rician" and self.k_factor_db is not None:
            yield Broken(
                "k_factor_db", self.k_factor_db, f"is given, but channel {self.channel!r} has no K factor"
            )


class UncodedParameters(FlatParameters):
    """Parameters of the exact bit error rate of a Gray-labelled constellation."""

    num_bits_per_symbol: Integer = Field(description="Bits of a symbol (bits).")
    constellation_type: Literal["qam", "psk", "pam"] = Field(default="qam", description="Constellation.")

    def rules(self) -> Iterator[Broken]:
        """Yield a size that the constellation does not have."""
        yield from super().rules()
        yield from _size(self.constellation_type, self.num_bits_per_symbol)


class FiniteLengthParameters(FlatParameters):
    """Parameters of the normal approximation to the block error rate of the best code."""

    num_channel_uses: Integer = Field(ge=1, le=10**9, description="Length of a block (complex channel uses).")
    rate: Real = Field(gt=0, le=100, description="Information bits per complex channel use (bits).")
    num_bits_per_symbol: Integer | None = Field(
        default=None, description="Size of the constellation (bits); Gaussian symbols if absent."
    )
    constellation_type: Literal["qam", "psk", "pam"] = Field(default="qam", description="Constellation.")
    coded_modulation: Literal["cm", "bicm"] = Field(
        default="cm", description="Joint or bit-by-bit demapping."
    )
    fading: Literal["block", "symbol"] = Field(
        default="block", description="A gain lasts a block or a channel use."
    )

    def rules(self) -> Iterator[Broken]:
        """Yield a size that the constellation does not have."""
        yield from super().rules()
        if self.num_bits_per_symbol is not None:
            yield from _size(self.constellation_type, self.num_bits_per_symbol)


class OutageParameters(FlatParameters):
    """Parameters of the probability that a block's capacity is below the rate."""

    rate: Real = Field(gt=0, le=100, description="Information bits per complex channel use (bits).")


def _size(constellation_type: str, num_bits_per_symbol: int) -> Iterator[Broken]:
    allowed = CONSTELLATION_BITS[constellation_type]
    if num_bits_per_symbol not in allowed:
        rule = f"is not a size of constellation_type {constellation_type!r}"
        yield Broken("num_bits_per_symbol", num_bits_per_symbol, rule, allowed)


class _Line(Config):
    name: str = Field(min_length=1, max_length=80, description="Name in the legend.")


class UncodedBER(_Line):
    """Exact bit error rate without a code."""

    metric: ClassVar[str] = "ber"
    type: Literal["uncoded_ber"] = "uncoded_ber"
    params: UncodedParameters = Field(description="Constellation and channel.")


class NormalApproximation(_Line):
    """Block error rate of the best code of a length and rate."""

    metric: ClassVar[str] = "bler"
    type: Literal["normal_approximation"] = "normal_approximation"
    params: FiniteLengthParameters = Field(description="Length, rate, constellation and channel.")


class OutageProbability(_Line):
    """Probability that a fade leaves less capacity than the rate: block error rate of endless codes."""

    metric: ClassVar[str] = "bler"
    type: Literal["outage"] = "outage"
    params: OutageParameters = Field(description="Rate and channel.")


class ErgodicCapacity(_Line):
    """Capacity averaged over the fading, in bits per channel use."""

    metric: ClassVar[str] = "goodput"
    type: Literal["ergodic_capacity"] = "ergodic_capacity"
    params: FlatParameters = Field(default=FlatParameters(), description="Channel.")


Theory = tagged(UncodedBER | NormalApproximation | OutageProbability | ErgodicCapacity)
"""Any reference line."""
