"""Trained weights: safetensors files that know what they belong to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .config import LoRA
from .lora import add_adapters
from .tensors import base_digest, kept_of, read_note, read_tensors, save_tensors


class WeightsError(ValueError):
    """A file of weights that does not belong to the model or to what was asked for."""


def save_weights(path: Path, model: nn.Module, trained: Sequence[str], key: str, lora: LoRA | None) -> None:
    """Write the parameters that were trained, and all buffers; the others are told by a hash."""
    note: dict[str, Any] = {"key": key, "base": base_digest(model, trained), "trained": list(trained)}
    if lora is not None:
        note["lora"] = {
            "target_modules": lora.target_modules,
            "r": lora.r,
            "alpha": lora.alpha,
            "dropout": lora.dropout,
        }
    save_tensors(path, kept_of(model, trained), note)


def load_weights(
    module: nn.Module, path: str | Path, expect: str | None = None, *, check_base: bool = True
) -> dict[str, Any]:  # fmt: skip
    """Put trained weights into a model, and adapters if the file has some.

    Args:
        module: the model they were trained in, with the same frozen parameters.
        path: a file that :func:`~tokencom.models.training.train` wrote. Only safetensors are read.
        expect: key that the weights must have; any if `None`.
        check_base: whether to compare the hash of the frozen parameters; takes about 1 s a gigabyte.

    Returns:
        what the file says of itself: ``key``, ``trained``, ``base``, ``lora``.

    Raises:
        WeightsError: for a file of another configuration, or parameters that are missing, superfluous or
            of another shape, each of which is named. The module is then as it was, adapters apart.
    """
    path = Path(path)
    try:
        note = read_note(path)
    except ValueError as error:
        raise WeightsError(str(error)) from error
    if expect is not None and note["key"] != expect:
        raise WeightsError(
            f"{path}: holds weights of another configuration: key {note['key']}, but {expect} is needed;"
            " train again, or give the configuration that made this file"
        )
    if "lora" in note:
        add_adapters(module, LoRA(**note["lora"]))
    tensors = read_tensors(path)
    own = kept_of(module, note["trained"])
    _check_fit(path, own, tensors)
    if check_base and base_digest(module, note["trained"]) != note["base"]:
        raise WeightsError(
            f"{path}: was trained beside other frozen parameters than this model has; give the same base"
        )
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)
    return note


def _check_fit(path: Path, own: Mapping[str, torch.Tensor], tensors: Mapping[str, torch.Tensor]) -> None:
    """Refuse a file whose tensors are not the model's, listing the first few."""
    faults = [f"{name} is not in the file" for name in own if name not in tensors]
    faults += [f"{name} is not in the model" for name in tensors if name not in own]
    for name, tensor in tensors.items():
        mine = own.get(name)
        if mine is not None and mine.shape != tensor.shape:
            faults.append(f"{name} is {list(tensor.shape)} in the file, {list(mine.shape)} in the model")
        elif mine is not None and mine.dtype != tensor.dtype:
            faults.append(f"{name} is {tensor.dtype} in the file, {mine.dtype} in the model")
    if faults:
        more = f"; and {len(faults) - 8} more" if len(faults) > 8 else ""
        raise WeightsError(f"{path}: does not fit the model: {'; '.join(faults[:8])}{more}")
