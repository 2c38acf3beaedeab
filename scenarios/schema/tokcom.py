"""Task-oriented token communication of many devices: video, audio and text cross the air."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from .base import Config
from .number import Flag, Integer, Real
from .rules import Broken
from .weights import Weights, load, weights_rules

if TYPE_CHECKING:
    from ...models.tokcom import TokComConfig
    from ...models.tokcom.system import TokCom as System

DeviceName = Literal["video", "audio", "text"]
NOT_OF_THE_CONFIGURATION = ("preset", "off", "keep_places", "online", "weights", "sampling_rate")


class TokCom(Config):
    """Answers from what several devices see, hear and ask: frozen encoders, Slide, a language model at the server."""

    payload: ClassVar[str] = "clip"
    type: Literal["tokcom"] = "tokcom"
    preset: Literal["tiny", "mini", "paper"] = Field(
        default="tiny", description="Sizes: trained here from scratch, with weights from pip, or those of the paper."
    )
    devices: tuple[DeviceName, ...] | None = Field(
        default=None, min_length=1, max_length=3, description="Devices that there are; all if null. Without text, the "
        "question is at the receiver.",
    )  # fmt: skip
    off: tuple[DeviceName, ...] = Field(
        default=(), max_length=2, description="Devices that are switched off and send nothing; same weights."
    )
    keep_places: Flag = Field(
        default=False, description="Keep the places of devices that are off, masked, for links with a channel for each."
    )
    num_tokens: dict[DeviceName, Integer] = Field(
        default_factory=dict, description="Tokens of an item that a device sends, by device (count); text sends all."
    )
    slide: Literal["even", "pool"] | None = Field(
        default=None, description="How tokens are made fewer: even selection or pooled windows; the preset's if null."
    )
    marks: Flag = Field(default=False, description="A learned vector before the tokens of each device (true or false).")
    head: Literal["autoregressive", "discriminative"] = Field(
        default="autoregressive", description="Answers of the whole vocabulary, or of the list answers."
    )
    answers: tuple[str, ...] = Field(default=(), max_length=10_000, description="Of the head discriminative.")
    objective: Literal["answers", "alignment"] = Field(
        default="answers", description="What received tokens are for in training: stage 2 or stage 1."
    )
    temperature: Real = Field(default=0.07, gt=0, le=1e6, description="Of the contrastive loss.")
    directions: Literal["one", "both"] = Field(
        default="one", description="Contrastive loss from modality to text, or both ways."
    )
    contrastive_weight: Real = Field(default=1.0, ge=0, le=1e6, description="Beside the reconstruction of the text.")
    video_source: str | None = Field(default=None, min_length=1, description="Folder or hub name of a ViViT's weights.")
    audio_source: str | None = Field(default=None, min_length=1, description="Folder or hub name of an AST's weights.")
    language_source: str | None = Field(
        default=None, min_length=1, description="Folder or hub name of a language model's weights."
    )
    sampling_rate: Integer | None = Field(
        default=None, ge=4000, le=192_000, description="Of the data set's audio (Hz); that of the encoder if null."
    )
    online: Flag = Field(default=False, description="Ask the Hugging Face hub for weights (true or false).")
    max_new_tokens: Integer = Field(default=8, ge=1, le=10**5, description="Longest answer (tokens).")
    seed: Integer = Field(default=0, ge=0, le=2**62, description="Of the initial parameters.")
    weights: str | None = Weights

    def rules(self) -> Iterator[Broken]:
        """Yield what the fields rule out for each other, and a wrong name of weights."""
        there = self.devices or ("video", "audio", "text")
        for field in ("off", "num_tokens"):
            for name in getattr(self, field):
                if name not in there:
                    yield Broken(field, name, "is none of the devices", there)
        if "text" in self.num_tokens:
            yield Broken("num_tokens.text", self.num_tokens["text"], "is given, but text sends every word")
        for name, count in self.num_tokens.items():
            if not 1 <= count <= 2**20:
                yield Broken(f"num_tokens.{name}", count, "is outside 1...1048576")
        if set(there) <= set(self.off):
            yield Broken("off", list(self.off), "switches every device off")
        if self.head == "discriminative" and len(set(self.answers)) < max(2, len(self.answers)):
            yield Broken("answers", list(self.answers), "needs at least two different texts for this head")
        if self.objective == "alignment" and ("text" not in there or len(there) < 2):
            yield Broken("objective", "alignment", "needs the device text, and another")
        if self.preset == "tiny":
            for name in ("video_source", "audio_source", "language_source"):
                if getattr(self, name) is not None:
                    yield Broken(name, getattr(self, name), "is given, but all of the preset tiny is trained here")
        yield from weights_rules(self.weights)

    def identity(self) -> dict[str, Any]:
        """Return the system's configuration without making its parameters."""
        return {"type": "tokcom", **self._config().described()}

    def build(self, *, device: str = "cpu") -> "System":
        """Construct the system."""
        from ...models.tokcom.system import TokCom as System

        given = {name: getattr(self, name) for name in ("off", "keep_places", "online")}
        system = System(self._config(), **given, rate=self.sampling_rate)
        if self.weights is not None:
            load(system, self.weights, "system", system.configuration())
        return system.to(device)

    def _config(self) -> "TokComConfig":
        from ...models.tokcom.presets import preset

        given = {name: value for name, value in self.parameters().items() if value is not None}
        sources = {name: given.pop(f"{name}_source", None) for name in ("video", "audio", "language")}
        kept = {name: value for name, value in given.items() if name not in NOT_OF_THE_CONFIGURATION}
        return preset(self.preset, sources={n: source for n, source in sources.items() if source is not None}, **kept)
