"""Learned codecs of tokens and images."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from .base import FULL, Config
from .number import Flag, Integer
from .python_target import PythonTarget
from .rules import Broken
from .union import tagged, types_of

if TYPE_CHECKING:
    from ...linklevel.jscc import Codec

Adaptation = Literal["attention", "film"]
Width = Annotated[Integer, Field(ge=1, le=2**16)]
Rates = Field(
    default=None, min_length=1, max_length=64, description="Real channels per token to choose from (count); null: all."
)
Seed = Field(default=0, ge=0, le=2**62, description="Of the initial parameters.")
Reliability = Field(default=True, description="Let the decoder see how good every symbol is (true or false).")


class CodecConfig(Config):
    """A codec of ``tokencom.linklevel.jscc``: its class there, and what it codes: "token" or "image"."""

    codec: ClassVar[str]
    payload: ClassVar[str]

    def build(self, **context: Any) -> "Codec":
        """Construct the codec; ``context`` is the width ``dim`` of tokens, or the ``size`` of images (pixels)."""
        from ...linklevel import jscc

        return getattr(jscc, self.codec)(**self.parameters(), **context)

    def identity(self) -> dict[str, Any]:
        """Return what weights depend on: all fields but the seed that training starts from."""
        values = self.model_dump(mode="json", context=FULL)
        return {name: value for name, value in values.items() if name != "seed"}


class Dense(CodecConfig):
    """Every token by itself through two fully connected networks (DeepSC's channel codec)."""

    codec, payload = "DenseCodec", "token"
    type: Literal["dense"] = "dense"
    symbols_per_token: Integer = Field(default=8, ge=1, le=4096, description="Complex symbols of a token (count).")
    encoder_hidden: Width = Field(default=256, description="Width of the encoder's hidden layer (reals).")
    decoder_hidden: Width = Field(default=512, description="Width of the decoder's hidden layer (reals).")
    reliability: Flag = Reliability
    layer_norm: Flag = Field(default=True, description="End the decoder with layer norm (true or false).")
    seed: Integer = Seed


class Adaptive(Dense):
    """A dense codec whose hidden layers follow the SNR at both ends."""

    codec = "AdaptiveCodec"
    type: Literal["adaptive"] = "adaptive"  # type: ignore[assignment]
    adaptation: Adaptation = Field(default="attention", description="Attention features (ADJSCC) or FiLM.")


class ModNet(Dense):
    """A dense codec with SwinJSCC's modulation networks for SNR and rate."""

    codec = "ModNetCodec"
    type: Literal["modnet"] = "modnet"  # type: ignore[assignment]
    snr: Flag = Field(default=True, description="Adapt to the SNR (true or false).")
    rates: tuple[Width, ...] | None = Rates

    def rules(self) -> Iterator[Broken]:
        """Yield rates that the latent does not have."""
        yield from rate_rules(self.rates, 2 * self.symbols_per_token)


class DeepJSCC(CodecConfig):
    """Convolutional codec of images; cbr = channels / 96."""

    codec, payload = "DeepJSCC", "image"
    type: Literal["deepjscc"] = "deepjscc"
    channels: Integer = Field(ge=2, le=4096, description="Real channels of the latent, even (count).")
    filters: tuple[Width, ...] = Field(
        default=(16, 32, 32, 32), min_length=4, max_length=4, description="Widths of the hidden layers (channels)."
    )
    kernel_size: Integer = Field(default=5, ge=1, le=15, description="Side of all convolutions, odd (pixels).")
    activation: Literal["prelu", "gdn"] = Field(default="prelu", description="Between layers.")
    adaptation: Adaptation | None = Field(default=None, description="How hidden layers follow the SNR; null: not.")
    reliability: Flag = Reliability
    seed: Integer = Seed

    @property
    def factor(self) -> int:
        """Pixels per position of the latent, along each side."""
        return 4

    def rules(self) -> Iterator[Broken]:
        """Yield an odd number of channels, or an even kernel."""
        yield from _even("channels", self.channels)
        if self.kernel_size % 2 == 0:
            yield Broken("kernel_size", self.kernel_size, "is even; the side of a kernel is odd")


class SwinJSCC(CodecConfig):
    """Swin Transformer codec of images; cbr = channels / (6 · 4^stages), the rate's mask apart."""

    codec, payload = "SwinJSCC", "image"
    type: Literal["swinjscc"] = "swinjscc"
    channels: Integer = Field(default=96, ge=2, le=4096, description="Real channels of the latent, even (count).")
    preset: Literal["cifar", "small", "base", "large"] = Field(
        default="cifar", description="The paper's shapes: CIFAR-10, or three for high resolutions."
    )
    embed: tuple[Width, ...] | None = Field(
        default=None, min_length=1, max_length=8, description="Width of each stage (reals); the preset's if null."
    )
    depths: tuple[Width, ...] | None = Field(
        default=None, min_length=1, max_length=8, description="Blocks of each stage (count); the preset's if null."
    )
    heads: tuple[Width, ...] | None = Field(
        default=None, min_length=1, max_length=8, description="Attention heads of each stage; the preset's if null."
    )
    window: Integer | None = Field(
        default=None, ge=1, le=256, description="Side of an attention window (positions); the preset's if null."
    )
    snr: Flag = Field(default=True, description="Adapt to the SNR (true or false).")
    rates: tuple[Width, ...] | None = Rates
    reliability: Flag = Reliability
    seed: Integer = Seed

    @property
    def factor(self) -> int:
        """Pixels per position of the latent, along each side."""
        given = self.embed or self.depths or self.heads
        stages = len(given) if given else 2 if self.preset == "cifar" else 4
        return 2**stages

    def rules(self) -> Iterator[Broken]:
        """Yield odd channels, stages that disagree, widths that heads do not divide, and wrong rates."""
        yield from _even("channels", self.channels)
        stages = self.factor.bit_length() - 1
        for name in ("embed", "depths", "heads"):
            given = getattr(self, name)
            if len(given or ()) not in {0, stages} or (given is None and (self.preset == "cifar") != (stages == 2)):
                yield Broken(name, given, f"does not fit the other shapes, which have {stages} stages")
        for index, (width, heads) in enumerate(zip(self.embed or (), self.heads or (), strict=False)):
            if width % heads:
                yield Broken(f"heads.{index}", heads, f"does not divide the width {width} of its stage")
        yield from rate_rules(self.rates, self.channels)


def _even(field: str, value: int) -> Iterator[Broken]:
    if value % 2:
        yield Broken(field, value, "is odd, but two reals make a symbol", (value - 1, value + 1))


def rate_rules(rates: tuple[int, ...] | None, channels: int) -> Iterator[Broken]:
    """Yield rates that are odd, or more than there are channels."""
    for index, rate in enumerate(rates or ()):
        yield from _even(f"rates.{index}", rate)
        if rate > channels:
            yield Broken(f"rates.{index}", rate, f"is more than the latent's {channels} channels")


AnyCodec = tagged(Dense | Adaptive | ModNet | DeepJSCC | SwinJSCC | PythonTarget)


class _NameOrMapping:
    """Lets editors accept the bare name too."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        names = [name for name in types_of(AnyCodec) if name != "python"]
        return {"anyOf": [{"enum": names, "type": "string"}, handler(schema)]}


def _name_as_type(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


def _or_name(union: Any) -> Any:
    return Annotated[union, BeforeValidator(_name_as_type), _NameOrMapping]


AnyCodecOrName = _or_name(AnyCodec)
"""Any codec; a Python class is called with ``options`` and the tokens' ``dim``, or the images' ``size``.

``dense`` alone is short for ``{type: dense}``.
"""


def context_of(codec: Config, *, dim: int | None, shape: tuple[int, int, int] | None) -> Mapping[str, Any]:
    """Return what a codec's constructor needs to know of the payload.

    Raises:
        ValueError: for a codec of tokens where images are sent, or the reverse, and for images of one channel.
    """
    codes = getattr(codec, "payload", "token" if shape is None else "image")
    kind = getattr(codec, "type", "")
    if codes == "token":
        if dim is None:
            raise ValueError(f"codec: {kind!r} codes tokens, but images are sent; give a codec of images, or a system")
        return {"dim": dim}
    if shape is None:
        raise ValueError(f"codec: {kind!r} codes images, but tokens are sent; give a codec of tokens")
    if shape[2] != 3:
        raise ValueError(f"codec: {kind!r} codes images of 3 channels, but {shape[2]} are sent")
    return {"size": shape[:2]}
