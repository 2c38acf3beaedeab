"""All parameters of a system and its link in one safetensors file."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...linklevel.air.base import AirInterface
from ..training.config import LoRA
from ..training.lora import add_adapters
from ..training.tensors import read_note, save_tensors
from .layers import read_layers

LIMIT = 3
"""Faults that a message tells."""


def state_of(parts: Mapping[str, nn.Module]) -> dict[str, torch.Tensor]:
    """Return parameters and buffers, ``system.*`` and ``link.*``, without those of air interfaces.

    Args:
        parts: a system, a link, or both, by name.
    """
    return {
        f"{part}.{name}": tensor
        for part, module in parts.items()
        for name, tensor in module.state_dict(keep_vars=True).items()
        if not name.startswith(_airs(module))
    }


def _airs(module: nn.Module) -> tuple[str, ...]:
    """Return the paths of all air interfaces in a module, each with a dot behind."""
    modules = module.named_modules(remove_duplicate=False)
    return tuple(f"{path}." for path, child in modules if isinstance(child, AirInterface))


def save_state(path: Path, parts: Mapping[str, nn.Module], *, key: str, lora: LoRA | None = None) -> None:
    """Write the state of a system and its link.

    Args:
        path: safetensors file.
        parts: by name, "system" and "link".
        key: of the training that made it.
        lora: adapters that are in it.

    Raises:
        TrainingError: if it cannot be written.
    """
    note: dict[str, Any] = {"key": key} | ({} if lora is None else {"lora": asdict(lora)})
    save_tensors(path, state_of(parts), note)


def load_state(parts: Mapping[str, nn.Module], path: Path, *, starts: bool = False) -> None:
    """Put a state into a system, a link or both; adapters are added where the file has some.

    Args:
        parts: by name, "system" and "link"; what the file has of others is left out.
        path: a file that :func:`save_state` wrote, or shipped weights, which may go on from others beside them. What
            no training has changed is in no file: the parts keep the initial values of their seeds.
        starts: whether a training starts from it; a system's ``starts_fresh`` may then be missing.

    Raises:
        ValueError: for a file that cannot be read, or tensors that are missing, too many or of another shape.
            The parts are then as they were, adapters apart.
    """
    tensors, initial = read_layers(path)
    given = {name: tensor for name, tensor in tensors.items() if name.split(".", 1)[0] in parts}
    if any(".lora_" in name for name in given):
        add_adapters(nn.ModuleDict(dict(parts)), LoRA(**read_note(path)["lora"]))
    _put(given, parts, str(path), initial | (_fresh(parts) if starts else set()))


def copy_state(source: Mapping[str, nn.Module], target: Mapping[str, nn.Module], *, starts: bool = False) -> None:
    """Copy parameters and buffers of some parts to parts of the same kind; ``starts`` as for :func:`load_state`.

    Raises:
        ValueError: if they do not fit.
    """
    given = {name: tensor for name, tensor in state_of(source).items() if name.split(".", 1)[0] in target}
    _put(given, target, "start", _fresh(target) if starts else ())


def _fresh(parts: Mapping[str, nn.Module]) -> set[str]:
    """Return the names of what a training may begin with at its initial values."""
    heads = tuple(f"{part}.{head}" for part, module in parts.items() for head in getattr(module, "starts_fresh", ()))
    return {name for name in state_of(parts) if name.startswith(heads)}


def _put(
    given: Mapping[str, torch.Tensor], parts: Mapping[str, nn.Module], origin: str, initial: Collection[str] = ()
) -> None:
    own = state_of(parts)
    faults = [f"{name} is missing" for name in own if name not in given and name not in initial]
    faults += [f"{name} is not in the model" for name in given if name not in own]
    faults += [
        f"{name} is {list(tensor.shape)} there, {list(own[name].shape)} in the model"
        for name, tensor in given.items()
        if name in own and tensor.shape != own[name].shape
    ]
    if faults:
        more = f"; and {len(faults) - LIMIT} more" if len(faults) > LIMIT else ""
        raise ValueError(f"{origin}: does not fit: {'; '.join(faults[:LIMIT])}{more}")
    with torch.no_grad():
        for name, tensor in given.items():
            own[name].copy_(tensor)
