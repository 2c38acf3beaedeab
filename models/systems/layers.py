"""Weight files that hold what a training changed, and name the file that has the rest."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..training.tensors import read_note, read_tensors

START, WITHOUT = "start", "without"
"""In a file's note: the key of the weights that have the rest, and which of their tensors do not belong to it."""

ADAPTER = ".lora_A."


def files_of(path: Path) -> list[Path]:
    """Return the files that weights are in, the one with most of them first and ``path`` last.

    Args:
        path: a safetensors file. What it goes on from is found by the key in the cards beside it.

    Raises:
        ValueError: for a file that cannot be read, or one that goes on from weights that are not beside it.
    """
    key = read_note(path, needed=False).get(START)
    if key is None:
        return [path]
    below = beside(path.parent, key)
    if below is None:
        raise ValueError(f"{path}: goes on from the weights {key}, which are not in {path.parent}")
    return [*files_of(below), path]


def beside(folder: Path, key: str) -> Path | None:
    """Return the file in a folder whose card has a key; `None` if there is none."""
    for card in sorted(folder.glob("*.json")):
        path = card.with_suffix(".safetensors")
        if path.is_file() and json.loads(card.read_text(encoding="utf-8")).get("key") == key:
            return path
    return None


def read_layers(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a file and of those that it goes on from.

    Raises:
        ValueError: see :func:`files_of`.
    """
    found: dict[str, torch.Tensor] = {}
    for one in files_of(path):
        own = read_tensors(one)
        without = set(read_note(one, needed=False).get(WITHOUT, ()))
        found = {name: tensor for name, tensor in adapted(found, own).items() if name not in without} | own
    return found


def upper_layer(
    tensors: Mapping[str, torch.Tensor], folder: Path, key: str
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors that differ from those of a key, and what a file of them has to note.

    Args:
        tensors: all of the state.
        folder: where the weights of the key are.
        key: of what they go on from.
    """
    path = beside(folder, key)
    if path is None:
        return dict(tensors), {}
    below = adapted(read_layers(path), tensors)
    own = {
        name: tensor for name, tensor in tensors.items()
        if name not in below or not below[name].to(tensor.dtype).equal(tensor)
    }  # fmt: skip
    return own, {START: key, WITHOUT: sorted(set(below) - set(tensors))}


def adapted(tensors: Mapping[str, torch.Tensor], by: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return tensors with the names that they have where ``by`` has adapters of low rank."""
    paths = {name.split(ADAPTER)[0] for name in by if ADAPTER in name}

    def named(name: str) -> str:
        path, _, last = name.rpartition(".")
        return f"{path}.base_layer.{last}" if path in paths else name

    return {named(name): tensor for name, tensor in tensors.items()}
