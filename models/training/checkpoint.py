"""A training at a moment: one safetensors file, from which it goes on bit for bit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .tensors import kept_of, read_note, read_tensors, save_tensors

NAME = "checkpoint.safetensors"
MODEL, OPTIMIZER = "model/", "optimizer/"


@dataclass
class Moment:
    """What a training needs besides tensors.

    The schedule and all random numbers follow from the seed, the stage and the step.

    Args:
        key: of the training.
        stage: number of the stage.
        step: steps of it that are done.
        trained: names of parameters trained so far.
        base: hash of all other parameters.
        seconds: of training so far, s.
        window: sums of what was logged since the last line, and their count.
        final: last logged values of each finished stage.
    """

    key: str
    stage: int = 0
    step: int = 0
    trained: list[str] = field(default_factory=list)
    base: str = ""
    seconds: float = 0.0
    window: dict[str, float] = field(default_factory=dict)
    final: dict[str, dict[str, float]] = field(default_factory=dict)


def save_checkpoint(folder: Path, moment: Moment, model: nn.Module, optimizer: torch.optim.Optimizer | None) -> None:
    """Write a checkpoint in place of the one before; without an optimiser at the end of a stage."""
    kept = kept_of(model, moment.trained)
    tensors = {MODEL + name: tensor for name, tensor in kept.items()}
    if optimizer is not None:
        tensors |= {OPTIMIZER + name: tensor for name, tensor in _flat(optimizer).items()}
    save_tensors(folder / NAME, tensors, asdict(moment))


def read_checkpoint(folder: Path, key: str) -> tuple[Moment, dict[str, torch.Tensor]] | None:
    """Return the moment and the tensors, or `None` if there is no checkpoint.

    Raises:
        ValueError: for a checkpoint of another training, or a damaged one.
    """
    path = folder / NAME
    if not path.exists():
        return None
    note = read_note(path)
    if note.get("key") != key:
        raise ValueError(
            f"{path}: is of another training (key {note.get('key')}, not {key}); choose another folder, or start afresh"
        )
    return Moment(**note), read_tensors(path)


def restore_model(model: nn.Module, tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Put the checkpoint's parameters and buffers into the model."""
    own = dict(model.named_parameters()) | dict(model.named_buffers())
    with torch.no_grad():
        for name, tensor in tensors.items():
            if name.startswith(MODEL):
                target = own.get(name.removeprefix(MODEL))
                if target is None or target.shape != tensor.shape or target.dtype != tensor.dtype:
                    raise ValueError(f"{path}: {name.removeprefix(MODEL)} does not fit the model; start afresh")
                target.copy_(tensor)


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put the checkpoint's moments into the optimiser."""
    states: dict[int, dict[str, Any]] = {}
    for number, name in enumerate(_names(optimizer)):
        head = f"{OPTIMIZER}{name}/"
        found = {key.removeprefix(head): tensor for key, tensor in tensors.items() if key.startswith(head)}
        states |= {number: found} if found else {}
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})


def _names(optimizer: torch.optim.Optimizer) -> list[str]:
    return [name for group in optimizer.param_groups for name in group["names"]]


def _flat(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return the optimiser's tensors, named after their parameters."""
    states, names = optimizer.state_dict()["state"], _names(optimizer)
    return {f"{names[number]}/{key}": value for number, state in states.items() for key, value in state.items()}
