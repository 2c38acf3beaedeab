"""Systems that TaiChi is compared with, and the links that two of them have of their own."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from .base import FULL, Config
from .number import Flag, Integer, Real
from .rules import Broken
from .token_links import JSCC, Shape, configuration
from .weights import Weights, load, weights_rules

if TYPE_CHECKING:
    from ...linklevel.air.base import AirInterface
    from ...models.baselines import SelectiveLink
    from ...models.systems.trainable import TrainableSystem

Width = Annotated[Integer, Field(ge=1, le=2**16)]
Seed = Field(default=0, ge=0, le=2**62, description="Of the initial parameters.")
Channels = Field(
    default=None,
    max_length=8,
    description="Widths of a convolutional stem after each stride of 2; the preset's if null.",
)


def sized(meaning: str, low: int = 1, high: int = 2**16) -> Any:
    """Return the field of a size that a preset gives where it is null."""
    return Field(default=None, ge=low, le=high, description=f"{meaning}; the preset's if null.")


class _Baseline(Config):
    """What all baselines have; a subclass names its class in ``tokencom.models.baselines``."""

    system: ClassVar[str]
    preset: Literal["paper", "tiny"] = Field(
        default="paper", description="Sizes: those of the publication, or small ones to train on a CPU."
    )
    vocabulary: str = Field(default="synth", min_length=1, description="Words that are known: a vocabulary's name.")
    max_num_words: Integer = Field(default=60, ge=1, le=2**12, description="Longer texts are cut (words).")
    seed: Integer = Seed
    weights: str | None = Weights

    def rules(self) -> Iterator[Broken]:
        """Yield a wrong name of weights."""
        yield from weights_rules(self.weights)

    def build(self, *, device: str = "cpu") -> "TrainableSystem":
        """Construct the system."""
        system = self._construct()
        if self.weights is not None:
            load(system, self.weights, "system", system.configuration())
        return system.to(device)

    def identity(self) -> dict[str, Any]:
        """Return the system's configuration without making its parameters."""
        import torch

        with torch.device("meta"):
            return self._construct().configuration()

    def _construct(self) -> Any:
        from ...models import baselines

        given = {name: value for name, value in self.parameters().items() if name != "weights" and value is not None}
        return getattr(baselines, self.system)(**given)


class _Answering(_Baseline):
    """A baseline that answers questions about images, classifies texts, or both."""

    answers: tuple[str, ...] | None = Field(
        default=None, max_length=10_000, description="Answers to questions to choose from; null: CLEVR's; []: none."
    )
    classes: tuple[str, ...] = Field(default=(), max_length=10_000, description="Classes of texts; []: none.")
    question: Literal["sent", "at_receiver"] = Field(
        default="at_receiver", description="Whether the words of a question cross the air."
    )
    objective: Literal["softmax", "sigmoid"] = Field(default="softmax", description="Loss over the list of answers.")

    @property
    def payload(self) -> str:
        """What the system reads."""
        return "text" if self.answers == () else "image"

    def rules(self) -> Iterator[Broken]:
        """Yield lists of answers that are no choice."""
        yield from super().rules()
        for name in ("answers", "classes"):
            values = getattr(self, name) or ()
            if len(values) == 1 or len(set(values)) != len(values):
                yield Broken(name, list(values), "needs at least two different texts, or none")
        if self.answers == () and not self.classes:
            yield Broken("classes", [], "is empty and so is answers; a system needs at least one task")


class DeepSC(_Baseline):
    """DeepSC: a text, rebuilt or classified at the receiver."""

    system = "DeepSC"
    payload: ClassVar[str] = "text"
    type: Literal["deepsc"] = "deepsc"
    task: Literal["reconstruction", "classification"] = Field(
        default="reconstruction", description="Whether the receiver rebuilds the text or tells its class."
    )
    classes: tuple[str, ...] = Field(
        default=("negative", "positive"), min_length=2, max_length=10_000, description="Names of the classes."
    )
    dim: Width | None = sized("Width of a token (reals)")
    depth: Integer | None = sized("Layers of the encoder (count)", high=64)
    decoder_depth: Integer | None = sized("Layers of the decoder (count)", high=64)
    heads: Integer | None = sized("Attention heads (count)", high=64)
    hidden: Width | None = sized("Width of feed-forward layers (reals)")
    norm_first: Flag | None = Field(default=None, description="Pre-norm layers (true or false); the preset's if null.")


class DeepSCVQA(_Answering):
    """DeepSC-VQA (MU-DeepSC): an image user, a question user, a MAC network at the receiver."""

    system = "DeepSCVQA"
    type: Literal["deepsc_vqa"] = "deepsc_vqa"
    dim: Width | None = sized("Width of a token, even (reals)")
    size: Integer | None = sized("Side of images (pixels)", 8, 4096)
    channels: tuple[Width, ...] | None = Channels
    stages: tuple[Width, ...] | None = Field(
        default=None, max_length=4, description="Blocks of each stage of a ResNet; the preset's if null."
    )
    blocks: Integer | None = sized("Residual blocks of the stem after each stride (count)", 0, 64)
    refine: Integer | None = sized("Residual blocks behind the stem (count)", 0, 64)
    num_steps: Integer | None = sized("Steps of the MAC network (count)", high=64)
    embedding: Width | None = sized("Width of word embeddings (reals)")
    classifier: Width | None = sized("Hidden width of the classifier (reals)")
    activation: Flag | None = Field(
        default=None, description="ELU in the MAC network's read unit (true or false); the preset's if null."
    )


class UDeepSC(_Answering):
    """U-DeepSC (with answers and classes), or T-DeepSC (with one of the two)."""

    system = "UDeepSC"
    type: Literal["udeepsc"] = "udeepsc"
    dim: Width | None = sized("Width of a token and of the decoder (reals)")
    size: Integer | None = sized("Side of images (pixels)", 8, 4096)
    channels: tuple[Width, ...] | None = Channels
    blocks: Integer | None = sized("Residual blocks of the stem after each stride (count)", 0, 64)
    patch: Integer | None = sized("Side of a patch, without a stem (pixels)", high=1024)
    image_dim: Width | None = sized("Width of the image encoder (reals)")
    image_depth: Integer | None = sized("Layers of the image encoder (count)", 0, 64)
    image_heads: Integer | None = sized("Attention heads of the image encoder (count)", high=64)
    text_dim: Width | None = sized("Width of the text encoder (reals)")
    text_depth: Integer | None = sized("Layers of the text encoder (count)", 0, 64)
    text_heads: Integer | None = sized("Attention heads of the text encoder (count)", high=64)
    depth: Integer | None = sized("Layers of the decoder (count)", high=64)
    heads: Integer | None = sized("Attention heads of the decoder (count)", high=64)
    mlp_ratio: Real | None = Field(
        default=None, gt=0, le=64, description="Hidden width of layers over their width (ratio); the preset's if null."
    )
    num_queries: Integer | None = sized("Queries of each task (count)", high=4096)
    class_tokens: Integer | None = sized("Learned tokens sent of an image, 0 for its grid (count)", 0, 4096)
    num_sent_words: Integer | None = sized("First words sent of a text, 0 for all (count)", 0, 4096)


class MobileVLM(_Answering):
    """A vision-language model in the manner of MobileVLM: image encoder, downsample projector, small Llama."""

    system = "MobileVLM"
    type: Literal["mobile_vlm"] = "mobile_vlm"
    dim: Width | None = sized("Width of the language model (reals)")
    size: Integer | None = sized("Side of images (pixels)", 8, 4096)
    patch: Integer | None = sized("Side of a patch, without a stem (pixels)", high=1024)
    channels: tuple[Width, ...] | None = Channels
    blocks: Integer | None = sized("Residual blocks of the stem after each stride (count)", 0, 64)
    image_dim: Width | None = sized("Width of the image encoder (reals)")
    image_depth: Integer | None = sized("Layers of the image encoder (count)", 0, 64)
    image_heads: Integer | None = sized("Attention heads of the image encoder (count)", high=64)
    depth: Integer | None = sized("Layers of the language model (count)", high=256)
    heads: Integer | None = sized("Attention heads of the language model (count)", high=256)
    hidden: Width | None = sized("Feed-forward width of the language model (reals)")
    vocab_size: Integer | None = sized("Words of the language model, 0 for the vocabulary's (count)", 0, 2**20)
    tied: Flag | None = Field(
        default=None, description="One embedding for input and output (true or false); the preset's if null."
    )
    initializer_range: Real | None = Field(
        default=None, gt=0, le=1, description="Deviation of the language model's initial weights; the preset's if null."
    )


class JSCCSelective(JSCC):
    """A JSCC link that sends the tokens that matter, by content and SNR (U-DeepSC's feature selection)."""

    type: Literal["jscc_selective"] = "jscc_selective"  # type: ignore[assignment]
    num_selectable: Integer = Field(
        ge=1, le=2**20, description="First places of an item that are selected from, such as an image's (count)."
    )
    share: Real = Field(default=0.75, ge=0, le=1, description="Of selectable tokens to send on average (ratio).")
    weight: Real = Field(default=4.0, ge=0, description="Of the loss that asks for the share, within the loss link.")
    min_tokens: Integer = Field(default=1, ge=0, le=2**20, description="Selectable tokens always sent (count).")
    hidden: Width = Field(default=64, description="Width of the selection network (reals).")
    seed: Integer = Seed

    def rules(self) -> Iterator[Broken]:
        """Yield more tokens to keep than there are, and codecs that have rates."""
        yield from super().rules()
        if self.min_tokens > self.num_selectable:
            yield Broken("min_tokens", self.min_tokens, f"is more than num_selectable = {self.num_selectable}")
        if getattr(self.codec, "rates", None):
            yield Broken("codec.rates", list(getattr(self.codec, "rates", ())), "are given; selection needs one rate")

    def build(
        self, *, air: "AirInterface", dim: int | None = None, shape: Shape | None = None,
        trained_for: Mapping[str, Any] | None = None,
    ) -> "SelectiveLink":  # fmt: skip
        """Construct the link; see :meth:`JSCC.build`."""
        from torch import nn

        from ...models.baselines import SelectiveLink

        plain = JSCC.model_validate({"codec": self.codec.model_dump(context=FULL)})
        codec = plain.build(air=air, dim=dim, shape=shape).codec
        names = ("num_selectable", "share", "weight", "min_tokens", "hidden", "seed")
        link = SelectiveLink(air, codec, **{name: getattr(self, name) for name in names}, **self.options())
        if self.weights is not None:
            parts = nn.ModuleDict({"codec": link.codec, "selection": link.selection})
            load(parts, self.weights, "link", configuration(self), trained_for)
        return link
