"""Digital links: channel code, constellation and rate."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from .base import Config
from .codes import Code, Uncoded, code_arguments
from .constellations import CONSTELLATION_BITS
from .number import Integer, Real
from .rules import Broken

if TYPE_CHECKING:
    from ...linklevel.air.base import AirInterface
    from ...linklevel.links import Link
    from ...linklevel.sources import SourceCodec


class MCS(Config):
    """One modulation and coding scheme of a list to choose from."""

    coderate: Real = Field(gt=0, le=1, description="Payload bits per coded bit (ratio).")
    num_bits_per_symbol: Integer = Field(
        ge=1, le=8, description="Coded bits per constellation symbol (bits)."
    )


class Digital(Config):
    """Channel code and constellation, with a CRC verdict.

    Without a source, ``num_bits_per_symbol`` and ``coderate`` (or ``k`` and ``n``) set the rate. With
    a source, the budget ``num_channel_uses`` does, for one rate or the best of ``mcs``.
    """

    type: Literal["digital"] = "digital"
    code: Code = Field(description="Channel code: its name, or its type with options.")
    coderate: Real | None = Field(default=None, gt=0, le=1, description="Payload bits per coded bit (ratio).")
    k: Integer | None = Field(
        default=None, ge=1, le=10**7, description="Payload bits (bits); with n, instead of coderate."
    )
    n: Integer | None = Field(default=None, ge=1, le=10**8, description="Coded bits (bits).")
    num_bits_per_symbol: Integer | None = Field(
        default=None, ge=1, le=8, description="Coded bits per constellation symbol (bits)."
    )
    constellation_type: Literal["qam", "psk", "pam"] = Field(default="qam", description="Constellation.")
    crc: Literal["CRC24A", "CRC24B", "CRC24C", "CRC16", "CRC11", "CRC6"] | None = Field(
        default="CRC24A", description="Cyclic redundancy check (TS 38.212, 5.1), or null for none."
    )
    backend: Literal["fast", "sionna", "commpy", "pyldpc"] | None = Field(
        default=None, description="Who decodes; the code's own default if absent."
    )
    demapping_method: Literal["app", "maxlog"] = Field(default="app", description="How LLRs are computed.")
    num_channel_uses: Integer | None = Field(
        default=None,
        ge=1,
        le=10**8,
        description="Budget of an item, pilots included (channel uses); with a source.",
    )
    mcs: tuple[MCS, ...] | None = Field(
        default=None, min_length=1, max_length=64, description="Rates to choose from; with a source."
    )
    mcs_backoff_db: Real | None = Field(
        default=None, ge=-20, le=40, description="Margin when choosing from mcs (dB); with a source."
    )

    def rules(self) -> Iterator[Broken]:
        """Yield what code, constellation and rate rule out."""
        allowed = CONSTELLATION_BITS[self.constellation_type]
        for path, bits in self._all_bits():
            if bits not in allowed:
                yield Broken(
                    path, bits, f"is not a size of constellation_type {self.constellation_type!r}", allowed
                )
        if (self.k is None) != (self.n is None):
            given, missing = ("k", "n") if self.n is None else ("n", "k")
            yield Broken(missing, None, f"is missing; {given} is given, and the two go together")
        elif self.k is not None and self.n is not None:
            if self.k > self.n:
                yield Broken(
                    "k", self.k, f"payload bits do not fit n = {self.n} coded bits; k <= n is needed"
                )
            if self.coderate is not None:
                yield Broken(
                    "coderate", self.coderate, "is given beside k and n; one of the two sets the rate"
                )
        if self.mcs is not None:
            for name in ("coderate", "k", "num_bits_per_symbol"):
                if getattr(self, name) is not None:
                    yield Broken(name, getattr(self, name), "is given beside mcs, whose entries set the rate")
        if isinstance(self.code, Uncoded) and self.rate not in {None, 1.0}:
            yield Broken("coderate", self.rate, "is not 1, the rate of code 'uncoded'")

    def _all_bits(self) -> Iterator[tuple[str, int]]:
        if self.num_bits_per_symbol is not None:
            yield "num_bits_per_symbol", self.num_bits_per_symbol
        for index, entry in enumerate(self.mcs or ()):
            yield f"mcs.{index}.num_bits_per_symbol", entry.num_bits_per_symbol

    @property
    def rate(self) -> float | None:
        """Payload bits per coded bit, from ``coderate`` or ``k`` and ``n``; `None` where ``mcs`` sets it."""
        if self.k is not None and self.n is not None:
            return self.k / self.n
        if self.coderate is None and isinstance(self.code, Uncoded) and self.mcs is None:
            return 1.0
        return self.coderate

    def build(
        self, *, air: "AirInterface", source: "SourceCodec | None" = None, num_bits: int | None = None
    ) -> "Link":
        """Construct the link.

        Args:
            air: what it transmits over.
            source: codec of the items, or `None` for payloads of bits.
            num_bits: payload bits of an item; without a source.
        """
        from ...linklevel.links import DigitalLink, SourceLink

        shared = {
            "air": air,
            "constellation_type": self.constellation_type,
            "crc": self.crc,
            "demapping_method": self.demapping_method,
            **code_arguments(self.code),
        }
        if self.backend is not None:
            shared["backend"] = self.backend
        if source is None:
            return DigitalLink(
                coderate=self.rate, num_bits_per_symbol=self.num_bits_per_symbol, num_bits=num_bits, **shared
            )
        backoff = {} if self.mcs_backoff_db is None else {"mcs_backoff_db": self.mcs_backoff_db}
        rates = self.mcs or (MCS(coderate=self.rate, num_bits_per_symbol=self.num_bits_per_symbol),)
        pairs = [(entry.coderate, entry.num_bits_per_symbol) for entry in rates]
        return SourceLink(
            source=source, mcs=pairs, num_channel_uses=self.num_channel_uses, **backoff, **shared
        )
