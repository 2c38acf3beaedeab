"""What is trained, and how: the stages of a training."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ...linklevel.validation import check_choice, check_range

SCHEDULES = ("cosine", "constant")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class LoRA:
    """Low-rank adapters, y = W x + (alpha / r) B A x, made by peft.

    E. J. Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.

    Args:
        target_modules: ends of the paths of linear layers, such as ``("q_proj", "v_proj")``, or one
            regular expression of whole paths.
        r: rank.
        alpha: the adapter's output is scaled by ``alpha / r``.
        dropout: probability that an input of an adapter is dropped in training.

    Example:
        >>> LoRA(target_modules=("q_proj", "v_proj"), r=4, alpha=16.0, dropout=0.1).r
        4
    """

    target_modules: tuple[str, ...] | str
    r: int = 8
    alpha: float = 16.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not self.target_modules:
            raise ValueError("target_modules: empty; name at least one linear layer, such as 'q_proj'")
        if not isinstance(self.target_modules, str):
            object.__setattr__(self, "target_modules", tuple(self.target_modules))
        check_range("r", self.r, 1, 2**16, integer=True)
        check_range("alpha", self.alpha, 0.0)
        check_range("dropout", self.dropout, 0.0, 0.99)


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Parameters with a learning rate of their own.

    Args:
        pattern: as in ``Stage.trainable``; the first group that matches a parameter counts.
        learning_rate: peak of the schedule.
        weight_decay: the stage's if `None`.
    """

    pattern: str
    learning_rate: float
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        check_range("learning_rate", self.learning_rate, 0.0)
        if self.weight_decay is not None:
            check_range("weight_decay", self.weight_decay, 0.0)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a training: AdamW on some parameters for some steps.

    Args:
        name: of the stage; names differ, and each has its own random numbers.
        trainable: patterns of what is trained: module paths or parameter names, in which ``*`` stands
            for any text (``"link.codec"``, ``"model.layers.*.mlp"``). Adapters of ``lora`` are trained too.
        frozen: patterns of what is not, although ``trainable`` has it.
        lora: adapters to add; all stages that have some need the same.
        steps: optimiser steps.
        batch_size: items of a step, over all processes.
        accumulation: parts that a process splits its items into, one after the other, to save memory.
        learning_rate: peak of the schedule.
        groups: parameters with another learning rate.
        betas: decay rates of AdamW's moments.
        eps: AdamW's.
        weight_decay: decoupled; matrices and kernels only, not biases and norms.
        schedule: "cosine" falls to ``final_ratio`` of the peak at the last step; "constant".
        warmup_steps: steps of linear rise at the beginning.
        final_ratio: last learning rate over the peak.
        gradient_clip: largest norm of the whole gradient; `None` for no limit.
        losses: weight of each loss; the trainable says which it has. Others are logged only.
        snr_db: the SNR of an item is drawn uniformly from this interval, dB.
        precision: "bfloat16" runs models under autocast; parameters stay as they are, and links work
            in float32.

    Raises:
        TypeError, ValueError: naming the parameter, the value and the rule.

    Example:
        >>> stage = Stage(name="codec", trainable=("codec",), steps=100, batch_size=32, snr_db=(-2.0, 20.0))
        >>> stage.learning_rate
        0.001
    """

    name: str
    trainable: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    lora: LoRA | None = None
    steps: int
    batch_size: int = 64
    accumulation: int = 1
    learning_rate: float = 1e-3
    groups: tuple[ParameterGroup, ...] = ()
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-8
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warmup_steps: int = 0
    final_ratio: float = 0.0
    gradient_clip: float | None = 1.0
    losses: Mapping[str, float] = field(default_factory=lambda: {"loss": 1.0})
    snr_db: tuple[float, float] = (0.0, 20.0)
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name in ("trainable", "frozen"):
            object.__setattr__(self, name, _patterns(name, getattr(self, name)))
        object.__setattr__(self, "groups", tuple(self.groups))
        object.__setattr__(self, "losses", dict(self.losses))
        for name in ("betas", "snr_db"):
            object.__setattr__(self, name, _pair(name, getattr(self, name)))
        self._check_counts()
        self._check_optimiser()
        check_choice("precision", self.precision, PRECISIONS)
        if not self.trainable and self.lora is None:
            raise ValueError("trainable: empty, and lora is None; a stage trains at least one of the two")
        if not self.losses or not any(self.losses.values()):
            raise ValueError(f"losses: {self.losses!r} given; at least one needs a weight other than 0")
        for loss, weight in self.losses.items():
            check_range(f"losses[{loss!r}]", weight)
        low, high = (check_range("snr_db", value, -200.0, 200.0) for value in self.snr_db)
        if low > high:
            raise ValueError(f"snr_db: {self.snr_db!r} given; the lower end comes first: ({high}, {low})")

    def _check_counts(self) -> None:
        if not self.name:
            raise ValueError("name: empty; a stage needs a name")
        check_range("steps", self.steps, 1, 2**31, integer=True)
        check_range("batch_size", self.batch_size, 1, 2**31, integer=True)
        check_range("accumulation", self.accumulation, 1, self.batch_size, integer=True)
        check_range("warmup_steps", self.warmup_steps, 0, self.steps, integer=True)
        if self.batch_size % self.accumulation:
            raise ValueError(f"accumulation: {self.accumulation} does not divide batch_size = {self.batch_size}")

    def _check_optimiser(self) -> None:
        check_choice("schedule", self.schedule, SCHEDULES)
        check_range("learning_rate", self.learning_rate, 0.0)
        check_range("eps", self.eps, 0.0)
        check_range("weight_decay", self.weight_decay, 0.0)
        check_range("final_ratio", self.final_ratio, 0.0, 1.0)
        for beta in self.betas:
            check_range("betas", beta, 0.0, 1.0 - 1e-9)
        if self.gradient_clip is not None and check_range("gradient_clip", self.gradient_clip, 0.0) == 0:
            raise ValueError("gradient_clip: 0 given; a positive norm, or None for no limit")

    def learning_rate_factor(self, step: int) -> float:
        """Return the learning rate of step ``step`` (from 0) over its peak.

        Example:
            >>> stage = Stage(name="a", trainable=("*",), steps=101, schedule="cosine")
            >>> stage.learning_rate_factor(0), round(stage.learning_rate_factor(50), 6)
            (1.0, 0.5)
        """
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        if self.schedule == "constant":
            return 1.0
        done = (step - self.warmup_steps) / max(1, self.steps - 1 - self.warmup_steps)
        return self.final_ratio + (1.0 - self.final_ratio) * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))

    def as_dict(self) -> dict[str, Any]:
        """Return every field as JSON types."""
        return asdict(self)


def check_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return stages whose names differ and that agree on the adapters.

    Raises:
        ValueError: naming the stage.
    """
    if not stages:
        raise ValueError("stages: empty; at least one is needed")
    names = [stage.name for stage in stages]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"stages: {names.count(name)} are named {name!r}; names must differ")
    first = next((stage for stage in stages if stage.lora is not None), None)
    for stage in stages:
        if first is not None and stage.lora not in {None, first.lora}:
            raise ValueError(
                f"stages: the lora of {stage.name!r} differs from that of {first.name!r}; all stages need the same"
            )
    return tuple(stages)


def _patterns(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError(f"{name}: {value!r} is one text; give a sequence of patterns: ({value!r},)")
    return tuple(value)


def _pair(name: str, value: Any) -> tuple[Any, Any]:
    if isinstance(value, str) or len(value) != 2:
        raise ValueError(f"{name}: {value!r} given; two numbers are needed")
    return tuple(value)
