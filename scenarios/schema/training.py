"""How weights that are missing are trained: stages, one after the other."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from .air import Air
from .base import Config
from .datasets import Data
from .number import Integer, Real
from .rules import Broken

if TYPE_CHECKING:
    from ...models.training import LoRA as LoRAObject
    from ...models.training import ParameterGroup as GroupObject
    from ...models.training import Stage as StageObject


def _one_as_several(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


Airs = Annotated[
    tuple[Air, ...], BeforeValidator(_one_as_several, json_schema_input_type=Air | tuple[Air, ...])
]
Datas = Annotated[
    tuple[Data, ...], BeforeValidator(_one_as_several, json_schema_input_type=Data | tuple[Data, ...])
]
Beta = Annotated[Real, Field(ge=0, lt=1)]
Decibel = Annotated[Real, Field(ge=-200, le=200)]
Pattern = Annotated[str, Field(min_length=1, max_length=300)]


class LoRA(Config):
    """Low-rank adapters, added by peft."""

    target_modules: tuple[Pattern, ...] | Pattern = Field(
        description="Ends of the paths of linear layers, such as [q_proj, v_proj], or a regular expression of paths."
    )
    r: Integer = Field(default=8, ge=1, le=2**16, description="Rank (count).")
    alpha: Real = Field(default=16.0, ge=0, description="An adapter's output is scaled by alpha / r.")
    dropout: Real = Field(default=0.0, ge=0, le=0.99, description="Share of an adapter's inputs that is dropped.")

    def rules(self) -> Iterator[Broken]:
        """Yield a list without names."""
        if not self.target_modules:
            yield Broken("target_modules", [], "is empty; name at least one linear layer")

    def build(self) -> "LoRAObject":
        """Make the adapters' description."""
        from ...models.training import LoRA as LoRAObject

        return LoRAObject(**self.parameters())


class ParameterGroup(Config):
    """Parameters with a learning rate of their own."""

    pattern: Pattern = Field(description="Module path or parameter name; * stands for any text.")
    learning_rate: Real = Field(ge=0, description="Peak of the schedule.")
    weight_decay: Real | None = Field(default=None, ge=0, description="The stage's if absent.")

    def build(self) -> "GroupObject":
        """Make the group's description."""
        from ...models.training import ParameterGroup as GroupObject

        return GroupObject(**self.parameters())


class Stage(Config):
    """AdamW on some parameters for some steps."""

    name: str = Field(min_length=1, max_length=80, description="Name of the stage, in logs and the card.")
    trainable: tuple[Pattern, ...] = Field(
        default=(), description="Module paths or parameter names that are trained; * stands for any text."
    )
    frozen: tuple[Pattern, ...] = Field(default=(), description="What of trainable is not trained after all.")
    lora: LoRA | None = Field(default=None, description="Adapters to add and train; the same in all stages.")
    steps: Integer = Field(ge=1, le=2**31, description="Optimiser steps (count).")
    batch_size: Integer = Field(default=64, ge=1, le=2**20, description="Items of a step, over all processes (count).")
    accumulation: Integer = Field(
        default=1, ge=1, le=2**20, description="Parts that a process splits its items into (count)."
    )
    learning_rate: Real = Field(default=1e-3, ge=0, description="Peak of the schedule.")
    groups: tuple[ParameterGroup, ...] = Field(default=(), description="Parameters with another learning rate.")
    betas: tuple[Beta, Beta] = Field(default=(0.9, 0.98), description="Decay rates of AdamW's moments.")
    eps: Real = Field(default=1e-8, ge=0, description="AdamW's.")
    weight_decay: Real = Field(default=0.0, ge=0, description="Decoupled, of matrices and kernels.")
    schedule: Literal["cosine", "constant"] = Field(default="cosine", description="Of the learning rate.")
    warmup_steps: Integer = Field(default=0, ge=0, le=2**31, description="Steps of linear rise (count).")
    final_ratio: Real = Field(default=0.0, ge=0, le=1, description="Last learning rate over the peak (ratio).")
    gradient_clip: Real | None = Field(
        default=1.0, gt=0, description="Largest norm of the gradient; null for no limit."
    )
    losses: dict[str, Real] = Field(
        default={"loss": 1.0},
        min_length=1,
        description="Weight of each loss by name; if absent, what the task is about.",
    )
    snr_db: tuple[Decibel, Decibel] = Field(
        default=(0.0, 20.0), description="Each item's SNR is drawn uniformly between the two (dB)."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="bfloat16 runs models under autocast; links stay in float32."
    )

    def rules(self) -> Iterator[Broken]:
        """Yield what the fields rule out for each other."""
        if not self.trainable and self.lora is None:
            yield Broken("trainable", [], "is empty and there is no lora; a stage trains at least one of the two")
        if self.warmup_steps > self.steps:
            yield Broken("warmup_steps", self.warmup_steps, f"is larger than steps = {self.steps}")
        if self.batch_size % self.accumulation:
            rule = f"does not divide batch_size = {self.batch_size}"
            yield Broken("accumulation", self.accumulation, rule)
        if self.snr_db[0] > self.snr_db[1]:
            yield Broken("snr_db", list(self.snr_db), "has its lower end last")
        if not any(self.losses.values()):
            yield Broken("losses", dict(self.losses), "has no weight other than 0")

    def build(self, loss: str | None = None) -> "StageObject":
        """Make the stage's description; ``loss`` counts alone if no losses are given."""
        from ...models.training import Stage as StageObject

        given = self.parameters()
        if loss is not None and "losses" not in self.model_fields_set:
            given["losses"] = {loss: 1.0}
        given["lora"] = None if self.lora is None else self.lora.build()
        given["groups"] = tuple(group.build() for group in self.groups)
        return StageObject(**given)


class Training(Config):
    """How a scheme's weights are made: data, air interfaces, what it starts from, and stages."""

    data: Datas | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description="Samples to train on, as the data of a task; of several data sets, which steps take in turn.",
    )
    group: Integer | None = Field(
        default=None,
        ge=1,
        le=2**20,
        description="Samples of a cluster (an image's questions) that a step takes (count); null: items are samples.",
    )
    air: Airs | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Air interfaces that cross equal shares of a batch; the scheme's if null.",
    )
    start: str | None = Field(
        default=None,
        min_length=1,
        description="Scheme whose trained system, and link if it has the same, these begin with.",
    )
    stages: tuple[Stage, ...] = Field(default=(), max_length=20, description="One after the other.")
    seed: Integer | None = Field(
        default=None, ge=0, le=2**63 - 1, description="Of the training; the scenario's if absent."
    )
    licence: str = Field(default="", max_length=500, description="Terms of the weights, for the model card.")

    def rules(self) -> Iterator[Broken]:
        """Yield what the fields rule out for each other."""
        if not self.stages and self.start is None:
            yield Broken("stages", None, "is missing; give at least one stage, or a scheme to start from")
        if self.stages and self.data is None:
            yield Broken("data", None, "is missing; the stages need samples to train on")
        if self.data is None and self.group is not None:
            yield Broken("group", self.group, "is given, but there is no data")
        yield from self._stage_rules()

    def _stage_rules(self) -> Iterator[Broken]:
        names = [stage.name for stage in self.stages]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Broken(f"stages.{index}.name", name, "is the name of an earlier stage; names must differ")
        adapters = [stage.lora for stage in self.stages if stage.lora is not None]
        for index, stage in enumerate(self.stages):
            if stage.lora is not None and stage.lora != adapters[0]:
                rule = "differs from the lora of an earlier stage; all need the same"
                yield Broken(f"stages.{index}.lora", stage.lora.model_dump(), rule)

    @property
    def makes_weights(self) -> bool:
        """Whether there is anything to compute; otherwise weights are those of the scheme to start from."""
        return self.data is not None

    def build(self, loss: str | None = None) -> "tuple[StageObject, ...]":
        """Make the stages' descriptions; ``loss`` counts alone in stages that give no losses."""
        return tuple(stage.build(loss) for stage in self.stages)
