"""TaiChi: a vision-language model whose visual tokens cross the air."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from .base import Config
from .number import Flag, Integer
from .rules import Broken
from .weights import Weights, load, weights_rules

if TYPE_CHECKING:
    from ...models.taichi import TaiChiConfig
    from ...models.taichi.system import TaiChi as System


class TaiChi(Config):
    """Answers, captions and classes: visual tokens of two branches, bilateral attention, KAN, a language model."""

    type: Literal["taichi"] = "taichi"
    preset: Literal["tiny", "mini", "paper"] = Field(
        default="tiny", description="Sizes: trained here from scratch, with weights from pip, or those of the paper."
    )
    sends: Literal["image", "text"] = Field(
        default="image", description="What a classical chain sends to the whole model in place of tokens."
    )
    question: Literal["sent", "at_receiver"] = Field(
        default="at_receiver", description="Whether the words of a question cross the air."
    )
    attention: Literal["local", "dense", "none"] = Field(
        default="local", description="Between tokens and detail: local as in the paper; others for the ablation."
    )
    projector: Literal["kan", "mlp", "linear"] = Field(
        default="kan", description="To the language model: kan as in the paper; mlp has as many parameters."
    )
    window: Integer | None = Field(
        default=None,
        ge=1,
        le=63,
        description="Tokens that a detail cell asks, along each side, odd (count); 1 if null.",
    )
    pooling: Integer | None = Field(
        default=None, ge=1, le=64, description="Tokens averaged to one sent, along each side (count); 1 if null."
    )
    hidden: Integer | None = Field(
        default=None, ge=1, le=2**16, description="Width between the projector's layers; the preset's if null."
    )
    num_layers: Integer | None = Field(
        default=None, ge=0, le=200, description="Language model's layers before the cut (count); the preset's if null."
    )
    language: Literal["gemma-2b", "qwen2.5-14b"] | None = Field(
        default=None, description="Language model of the preset paper; gemma-2b if null."
    )
    low_source: str | None = Field(default=None, min_length=1, description="Folder or hub name of a CLIP's weights.")
    detail_source: str | None = Field(
        default=None, min_length=1, description="Folder, file or hub name of a ConvNeXt's weights (OpenCLIP, timm)."
    )
    language_source: str | None = Field(
        default=None, min_length=1, description="Folder or hub name of a language model's weights."
    )
    online: Flag = Field(default=False, description="Ask the Hugging Face hub for weights (true or false).")
    max_new_tokens: Integer = Field(default=60, ge=1, le=10**5, description="Longest answer (tokens).")
    seed: Integer = Field(default=0, ge=0, le=2**62, description="Of the initial parameters.")
    weights: str | None = Weights

    @property
    def payload(self) -> str:
        """What the system reads."""
        return self.sends

    def rules(self) -> Iterator[Broken]:
        """Yield what the fields rule out for each other, and a wrong name of weights."""
        if self.window is not None and self.window % 2 == 0:
            yield Broken("window", self.window, "is even; a window has a middle", (self.window - 1, self.window + 1))
        if self.preset != "paper":
            for name in ("language", "low_source"):
                if getattr(self, name) is not None:
                    yield Broken(name, getattr(self, name), "is given, but is for the preset paper")
        if self.preset == "tiny":
            for name in ("detail_source", "language_source"):
                if getattr(self, name) is not None:
                    yield Broken(name, getattr(self, name), "is given, but all of the preset tiny is trained here")
        yield from weights_rules(self.weights)

    def identity(self) -> dict[str, Any]:
        """Return the system's configuration without making its parameters."""
        return {"type": "taichi", **self._config().described()}

    def build(self, *, device: str = "cpu") -> "System":
        """Construct the system."""
        from ...models.taichi.system import TaiChi as System

        system = System(self._config(), online=self.online)
        system.modality = self.sends
        if self.weights is not None:
            load(system, self.weights, "system", system.configuration())
        return system.to(device)

    def _config(self) -> "TaiChiConfig":
        from ...models.taichi.presets import preset

        left_out = ("preset", "sends", "online", "weights")
        given = {name: value for name, value in self.parameters().items() if name not in left_out and value is not None}
        return preset(self.preset, **given)
