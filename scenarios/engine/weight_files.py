"""Trained weights as files to pass on: safetensors with a card beside, as those that come with the package."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..schema import trained
from ..schema.multiuser import Devices
from ..schema.starting import chain
from ..schema.token_links import JSCC, Quantized, configuration

if TYPE_CHECKING:
    from torch import Tensor

    from .training import Job


def file_name(job: "Job", *, single: bool) -> str:
    """Return the name of a job's files: scenario and scheme, and the key's beginning where a scheme has several."""
    slug = re.sub(r"[^a-z0-9]+", "_", f"{job.scenario.name} {job.scheme.name}".lower()).strip("_")
    return slug if single else f"{slug}_{job.key[:8]}"


def write_weights(job: "Job", folder: Path, *, half: bool, single: bool = True) -> Path:
    """Write the weights of a job, which are there, and their card.

    A file in ``models/weights`` is found by the card's ``key``; as ``weights: file.safetensors`` it can be named. What
    the training left as it was in the weights that it started from is read from those, if they are in the folder.

    Args:
        job: the training.
        folder: where to.
        half: whether to write floating-point numbers in torch.float16.
        single: whether the scheme has no other trainings in this scenario.

    Returns:
        path of the safetensors file.
    """
    from ...models.systems.layers import START, WITHOUT, read_layers
    from ...models.systems.state import halved
    from ...models.training.tensors import read_note, save_tensors, save_text

    source = trained.find(job.key)
    assert source is not None
    tensors = read_layers(source)
    note = {name: value for name, value in read_note(source).items() if name not in (START, WITHOUT)}
    path = folder / f"{file_name(job, single=single)}.safetensors"
    own, below = _upper_layer(job, halved(tensors) if half else tensors, folder)
    save_tensors(path, own, {**note, **below})
    beside = source.with_suffix(".json")
    card = json.loads((beside if beside.is_file() else source.parent / "model_card.json").read_text(encoding="utf-8"))
    card["system"] = {**card["system"], **_configurations(job)}
    text = json.dumps({"name": path.stem, **card, "half": half}, indent=1, ensure_ascii=False)
    save_text(path.with_suffix(".json"), text + "\n")
    return path


def _upper_layer(
    job: "Job", tensors: "Mapping[str, Tensor]", folder: Path
) -> "tuple[Mapping[str, Tensor], dict[str, Any]]":
    """Return what a job's tensors have beyond those of the nearest start in the folder, and what to note of it."""
    from ...models.systems.layers import beside, upper_layer

    for start in chain(job.scheme, job.scenario.schemes)[1:]:
        if start.trains and start.training is not None and start.training.makes_weights:
            key = trained.key_of(job.scenario, start)
            if beside(folder, key) is not None:
                return upper_layer(tensors, folder, key)
    return tensors, {}


def _configurations(job: "Job") -> dict[str, Any]:
    """Return what ``weights:`` compares a scheme's parts with."""
    scheme = job.scheme
    found: dict[str, Any] = {}
    if scheme.system is not None:
        found["system"] = trained.system_identity(scheme.system)["configuration"]
    if isinstance(scheme.link, JSCC | Quantized):
        found["link"] = configuration(scheme.link)
    elif isinstance(scheme.link, Devices):
        found["link"] = scheme.link.configuration()
    return found
