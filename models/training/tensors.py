"""Tensors of a model by name, their hash, and safetensors files that appear whole."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...linklevel.files import replaced
from .errors import TrainingError

NOTE = "tokencom"
"""Key of the JSON text in a file's metadata."""


def buffers_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the buffers that belong to the model's state."""
    kept = model.state_dict(keep_vars=True).keys()
    return {name: buffer for name, buffer in model.named_buffers() if name in kept}


def kept_of(model: nn.Module, trained: Iterable[str]) -> dict[str, torch.Tensor]:
    """Return parameters that are or were trained, and all buffers, by name."""
    names = set(trained)
    return {n: p for n, p in model.named_parameters() if n in names} | buffers_of(model)


def digest_of(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return a hash of names, dtypes, shapes and values, 32 hexadecimal digits."""
    found = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {list(tensor.shape)} ".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def base_digest(model: nn.Module, trained: Iterable[str]) -> str:
    """Return the hash of the parameters that a training leaves as they are."""
    names = set(trained)
    return digest_of({name: p for name, p in model.named_parameters() if name not in names})


def save_tensors(path: Path, tensors: Mapping[str, torch.Tensor], note: Mapping[str, Any]) -> None:
    """Replace a safetensors file, which is the old one or the new one at any moment.

    Raises:
        TrainingError: if it cannot be written; the old one is still there.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    plain = {n: t.detach().to("cpu", copy=True).contiguous() for n, t in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as temporary:
            save_file(plain, str(temporary), {NOTE: json.dumps(note, allow_nan=False)})
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"{path}: cannot be written ({error}); make room and start the same training again"
        ) from error


def save_text(path: Path, text: str) -> None:
    """Replace a text file, which is the old one or the new one at any moment."""
    try:
        with replaced(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TrainingError(
            f"{path}: cannot be written ({error}); make room and start the same training again"
        ) from error


def read_note(path: Path, *, needed: bool = True) -> dict[str, Any]:
    """Return the JSON note of a file.

    Args:
        path: safetensors file.
        needed: whether a file without one is refused; else its note is empty.

    Raises:
        ValueError: if it is no safetensors file of a training.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
            return json.loads(metadata[NOTE] if needed else metadata.get(NOTE, "{}"))
    except FileNotFoundError as error:
        raise ValueError(f"{path}: does not exist") from error
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        fault = "is no safetensors file of a training" if needed else "cannot be read"
        raise ValueError(f"{path}: {fault} ({error})") from error


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file.

    Raises:
        ValueError: if it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
