"""Which parameters a stage trains, in which groups, and which modules are in training mode."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from ...linklevel.validation import nearest
from .config import ParameterGroup, Stage

ADAPTER = ".lora_"
"""What the name of every parameter of an adapter contains."""


def matches(name: str, pattern: str) -> bool:
    """Return whether a parameter's name, or the path of a module that holds it, matches.

    Example:
        >>> matches("link.codec.norm.weight", "link.codec"), matches("link.codec2.weight", "link.codec")
        (True, False)
    """
    return fnmatchcase(name, pattern) or fnmatchcase(name, pattern + ".*")


def select(model: nn.Module, stage: Stage) -> list[str]:
    """Let the stage's parameters, and no others, have gradients; return their names.

    Modules that are trained whole, and dropouts of adapters, go into training mode; all others into
    evaluation mode, so that a frozen model neither drops out nor changes its statistics.

    Raises:
        ValueError: for a pattern that matches nothing, naming the nearest path.
    """
    names = [name for name, _ in model.named_parameters()]
    for field, patterns in (("trainable", stage.trainable), ("frozen", stage.frozen)):
        _check_patterns(field, patterns, names)
    _check_patterns("groups", [group.pattern for group in stage.groups], names)
    chosen = []
    for name, parameter in model.named_parameters():
        wanted = any(matches(name, pattern) for pattern in stage.trainable)
        wanted = wanted or (stage.lora is not None and ADAPTER in name)
        wanted = wanted and not any(matches(name, pattern) for pattern in stage.frozen)
        if wanted and not parameter.is_floating_point() and not parameter.is_complex():
            raise ValueError(f"trainable: {name!r} is {parameter.dtype}, which has no gradient")
        parameter.requires_grad_(wanted)
        chosen += [name] if wanted else []
    if not chosen:
        raise ValueError(f"stage {stage.name!r}: frozen leaves nothing to train")
    set_modes(model)
    return chosen


def set_modes(model: nn.Module) -> None:
    """Put modules that are trained whole, and dropouts of adapters, into training mode, others into evaluation mode."""
    model.eval()
    for name, module in model.named_modules():
        flags = [parameter.requires_grad for parameter in module.parameters()]
        if (flags and all(flags)) or f".{name}".endswith(".lora_dropout"):
            module.train()


def groups_of(model: nn.Module, chosen: Sequence[str], stage: Stage) -> list[dict[str, Any]]:
    """Return AdamW's parameter groups, each with ``names`` and its peak ``learning_rate``."""
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    parameters = dict(model.named_parameters())
    for name in chosen:
        own = _group_of(name, stage.groups)
        rate = stage.learning_rate if own is None else own.learning_rate
        decay = stage.weight_decay if own is None or own.weight_decay is None else own.weight_decay
        decay = decay if parameters[name].ndim >= 2 else 0.0
        group = groups.setdefault(
            (rate, decay), {"params": [], "names": [], "lr": rate, "learning_rate": rate, "weight_decay": decay}
        )
        group["params"].append(parameters[name])
        group["names"].append(name)
    return list(groups.values())


def _group_of(name: str, groups: Iterable[ParameterGroup]) -> ParameterGroup | None:
    return next((group for group in groups if matches(name, group.pattern)), None)


def _check_patterns(field: str, patterns: Iterable[str], names: Sequence[str]) -> None:
    paths = {".".join(name.split(".")[:depth]) for name in names for depth in range(1, name.count(".") + 2)}
    for pattern in patterns:
        if not any(matches(name, pattern) for name in names):
            close = nearest(pattern, sorted(paths))
            hint = f"; did you mean {close!r}?" if close else f"; top level: {sorted({n.split('.')[0] for n in names})}"
            raise ValueError(f"{field}: {pattern!r} matches no parameter{hint}")
