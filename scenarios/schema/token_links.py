"""Links for tokens and for images: learned, analog, quantised."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from .base import Config
from .codes import Code, code_arguments
from .constellations import CONSTELLATION_BITS
from .jscc import AnyCodecOrName, context_of
from .number import Integer, Real
from .quantizers import AnyQuantizer
from .rules import Broken
from .weights import Weights, load, weights_rules

if TYPE_CHECKING:
    from ...linklevel.air.base import AirInterface
    from ...linklevel.links import AnalogLink, JSCCLink, Protection, QuantizedLink

Shape = tuple[int, int, int]


class TokenLinkConfig(Config):
    """What all links for tokens have: how the receiver learns which positions hold tokens."""

    length: Literal["charged", "known"] = Field(
        default="charged", description="Number of tokens: sent in a header that counts, or known to both sides."
    )
    padding: Literal["right", "left", "any"] = Field(default="right", description="Where padding may be.")
    max_num_tokens: Integer = Field(
        default=255, ge=1, le=2**20, description="Most tokens of an item, which sets the header's size (count)."
    )
    header_repetitions: Integer = Field(default=1, ge=1, le=64, description="Times that the header is sent (count).")

    def options(self) -> dict[str, Any]:
        """Return what every link for tokens is constructed with."""
        return {name: getattr(self, name) for name in TokenLinkConfig.model_fields}


class JSCC(TokenLinkConfig):
    """Learned encoder and decoder of tokens or images, with unit power per item."""

    type: Literal["jscc"] = "jscc"
    codec: AnyCodecOrName = Field(description="Codec: its name, or its type with options.")
    rate: Integer | None = Field(
        default=None, ge=2, le=2**16, description="Real channels per token, one of the codec's rates; null: the most."
    )
    weights: str | None = Weights

    def rules(self) -> Iterator[Broken]:
        """Yield a rate that the codec does not have, and a wrong name of weights."""
        rates = getattr(self.codec, "rates", None)
        if self.rate is not None and hasattr(self.codec, "identity") and self.rate not in (rates or ()):
            rule = "is not among the codec's rates" if rates else "is given, but the codec has no rates to choose from"
            yield Broken("rate", self.rate, rule, rates or ())
        yield from weights_rules(self.weights)

    def build(
        self,
        *,
        air: "AirInterface",
        dim: int | None = None,
        shape: Shape | None = None,
        trained_for: Mapping[str, Any] | None = None,
    ) -> "JSCCLink":
        """Construct the link.

        Args:
            air: what it transmits over.
            dim: width of tokens.
            shape: height, width and channels of images; instead of ``dim``.
            trained_for: what else shipped weights must have been trained for, JSON types.
        """
        from ...linklevel.links import JSCCLink

        context = context_of(self.codec, dim=dim, shape=shape)
        codec = self.codec.build(**context)
        if self.rate is not None:
            codec.rate = self.rate
        if self.weights is not None:
            load_part("codec", codec, self, trained_for)
        return JSCCLink(air, codec, **self.options())


class Analog(TokenLinkConfig):
    """Uncoded: two neighbouring dimensions of a token make a symbol."""

    type: Literal["analog"] = "analog"
    scale: Literal["charged", "none"] = Field(
        default="charged", description="Scale of an item: sent in 16 bits that count, or not at all."
    )
    scale_range: tuple[Real, Real] = Field(default=(1e-3, 1e3), description="Least and largest scale.")

    def rules(self) -> Iterator[Broken]:
        """Yield a range of scales that is none."""
        low, high = self.scale_range
        if not 1e-30 <= low < high <= 1e30:
            yield Broken("scale_range", list(self.scale_range), "is no range; the first is positive, the second larger")

    def build(self, *, air: "AirInterface", dim: int, **context: Any) -> "AnalogLink":
        """Construct the link for tokens of width ``dim``."""
        from ...linklevel.links import AnalogLink

        return AnalogLink(air, dim, scale=self.scale, scale_range=self.scale_range, **self.options())


class UnequalProtection(Config):
    """A share of the tokens in a block of its own, with its own rate."""

    share: Real = Field(ge=0, le=1, description="Share of the tokens that count as important (ratio).")
    coderate: Real = Field(gt=0, le=1, description="Payload bits per coded bit of their block (ratio).")
    num_bits_per_symbol: Integer | None = Field(
        default=None, ge=1, le=8, description="Coded bits per symbol of their block (bits); the link's if null."
    )
    importance: Literal["norm", "position"] = Field(
        default="norm", description="Longest vectors (a bit of side information each), or the first tokens."
    )

    def build(self) -> "Protection":
        """Construct the description that the link takes."""
        from ...linklevel.links import Protection

        return Protection(**self.parameters())


class Quantized(TokenLinkConfig):
    """Tokens through a quantiser, channel code and constellation, one block per item."""

    type: Literal["quantized"] = "quantized"
    quantizer: AnyQuantizer = Field(description="From tokens to bits.")
    code: Code = Field(description="Channel code: its name, or its type with options.")
    coderate: Real = Field(gt=0, le=1, description="Payload bits per coded bit (ratio).")
    num_bits_per_symbol: Integer = Field(ge=1, le=8, description="Coded bits per constellation symbol (bits).")
    constellation_type: Literal["qam", "psk", "pam"] = Field(default="qam", description="Constellation.")
    crc: Literal["CRC24A", "CRC24B", "CRC24C", "CRC16", "CRC11", "CRC6"] | None = Field(
        default="CRC16", description="Cyclic redundancy check (TS 38.212, 5.1), or null for none."
    )
    backend: Literal["fast", "sionna", "commpy", "pyldpc"] = Field(default="fast", description="Who decodes.")
    demapping_method: Literal["app", "maxlog"] = Field(default="app", description="How LLRs are computed.")
    on_failure: Literal["zero", "mean", "decoded", "soft"] = Field(
        default="zero", description="What stands in for tokens of a block with a wrong CRC."
    )
    protection: UnequalProtection | None = Field(default=None, description="Of important tokens; null: none.")
    weights: str | None = Weights

    def rules(self) -> Iterator[Broken]:
        """Yield sizes that the constellation does not have, and a wrong name of weights."""
        allowed = CONSTELLATION_BITS[self.constellation_type]
        given = {"num_bits_per_symbol": self.num_bits_per_symbol}
        if self.protection is not None and self.protection.num_bits_per_symbol is not None:
            given["protection.num_bits_per_symbol"] = self.protection.num_bits_per_symbol
        for path, bits in given.items():
            if bits not in allowed:
                rule = f"is not a size of constellation_type {self.constellation_type!r}"
                yield Broken(path, bits, rule, allowed)
        yield from weights_rules(self.weights)

    def build(
        self, *, air: "AirInterface", dim: int, trained_for: Mapping[str, Any] | None = None, **context: Any
    ) -> "QuantizedLink":
        """Construct the link for tokens of width ``dim``; see :meth:`JSCC.build`."""
        from ...linklevel.links import QuantizedLink

        quantizer = self.quantizer.build(dim=dim)
        if self.weights is not None:
            load_part("quantizer", quantizer, self, trained_for)
        names = (
            "num_bits_per_symbol", "coderate", "constellation_type", "crc", "backend", "demapping_method", "on_failure",
        )  # fmt: skip
        protection = None if self.protection is None else self.protection.build()
        return QuantizedLink(
            air, quantizer, protection=protection, **{name: getattr(self, name) for name in names},
            **code_arguments(self.code), **self.options(),
        )  # fmt: skip


def configuration(link: JSCC | Quantized) -> dict[str, Any]:
    """Return what a link's weights depend on, as JSON types; codecs of images serve all sizes with the same weights."""
    name = "codec" if isinstance(link, JSCC) else "quantizer"
    part: Any = getattr(link, name)
    identity = part.identity() if hasattr(part, "identity") else part.model_dump(mode="json")
    return {"type": link.type, name: identity}


def load_part(
    name: str,
    module: Any,
    link: JSCC | Quantized,
    trained_for: Mapping[str, Any] | None,
) -> None:
    """Put a link's weights into its codec or quantiser; the air interface has none."""
    from torch import nn

    load(nn.ModuleDict({name: module}), str(link.weights), "link", configuration(link), trained_for)
