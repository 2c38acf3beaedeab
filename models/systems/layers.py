"""Weight files that hold what a training changed, and name the file that has the rest."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from ..training.tensors import digest_of, read_note, read_tensors
from .packing import LARGEST, Bits, kept_by, names_of, unpacked

START, WITHOUT, INITIAL, BELOW = "start", "without", "initial", "below"
"""In a file's note: the key of the weights that have the rest, which of their tensors do not belong to it, which
tensors are in no file, since no training has changed the initial values that follow from a configuration's seed, and
the hash of those tensors of the rest that its own are differences from."""

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


def read_layers(path: Path) -> tuple[dict[str, torch.Tensor], set[str]]:
    """Return the tensors of a file and of those that it goes on from, and names of those with initial values.

    Raises:
        ValueError: see :func:`files_of`.
    """
    found: dict[str, torch.Tensor] = {}
    initial: set[str] = set()
    for one in files_of(path):
        packed, note = read_tensors(one), read_note(one, needed=False)
        own = unpacked(packed, _below(found, packed, note.get(BELOW), one))
        without = set(note.get(WITHOUT, ()))
        found = {name: tensor for name, tensor in adapted(found, own).items() if name not in without} | own
        initial = (set(adapted(dict.fromkeys(initial), own)) | set(note.get(INITIAL, ()))) - without - set(own)
    return found, initial


def _below(found: Mapping[str, Any], packed: Mapping[str, Any], digest: str | None, path: Path) -> dict[str, Any]:
    """Return what a file's tensors are differences from.

    Raises:
        ValueError: if that is not what it was written with.
    """
    if digest is None:
        return {}
    names = names_of(packed)
    below = shared(adapted(found, names), names)
    if digest_of(below) != digest:
        raise ValueError(f"{path}: goes on from other numbers than those beside it; write it again, or fetch both")
    return below


def shared(below: Mapping[str, torch.Tensor], names: Iterable[str]) -> dict[str, torch.Tensor]:
    """Return the tensors with these names that there are."""
    return {name: below[name] for name in names if name in below}


def upper_layer(
    tensors: Mapping[str, torch.Tensor], *, initial: Mapping[str, torch.Tensor], folder: Path | None = None,
    key: str = "", bits: Bits = 32,
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, Any]]:  # fmt: skip
    """Return the tensors that a training changed, what to write differences from, and what a file of them has to note.

    Args:
        tensors: all of the state.
        initial: the state before any training.
        folder: where the weights are that they go on from; `None` if they go on from none.
        key: of these weights.
        bits: that a number will have in the file. What is there already with as many or more is left out.
    """
    path = None if folder is None else beside(folder, key)
    below, left = ({}, set()) if path is None else read_layers(path)
    below, fresh = adapted(below, tensors), adapted(initial, tensors)
    same = {name for name, tensor in tensors.items() if kept_by(below.get(name), tensor, bits)}
    unchanged = {
        name for name, tensor in tensors.items() if name not in below and kept_by(fresh.get(name), tensor, 32)
    }
    own = {name: tensor for name, tensor in tensors.items() if name not in same | unchanged}
    note: dict[str, Any] = {INITIAL: sorted(unchanged)} if unchanged else {}
    if path is not None:
        note |= {START: key, WITHOUT: sorted((set(below) | left) - set(tensors))}
    went_on_from = shared(below, own) if bits in LARGEST else {}
    if went_on_from:
        note[BELOW] = digest_of(went_on_from)
    return own, went_on_from, note


def adapted(tensors: Mapping[str, Any], by: Collection[str]) -> dict[str, Any]:
    """Return tensors with the names that they have where ``by`` has adapters of low rank."""
    paths = {name.split(ADAPTER)[0] for name in by if ADAPTER in name}

    def named(name: str) -> str:
        path, _, last = name.rpartition(".")
        return f"{path}.base_layer.{last}" if path in paths else name

    return {named(name): tensor for name, tensor in tensors.items()}
