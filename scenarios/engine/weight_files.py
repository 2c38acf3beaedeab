"""Trained weights as files to pass on: safetensors with a card beside, as those that come with the package."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..schema import trained
from ..schema.multiuser import Devices
from ..schema.starting import started_by
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

    A file in ``models/weights`` is found by the card's ``key``; as ``weights: file.safetensors`` it can be named. A
    part that the training did not change is left out, and read from the weights that it started from.

    Args:
        job: the training.
        folder: where to.
        half: whether to write floating-point numbers in torch.float16.
        single: whether the scheme has no other trainings in this scenario.

    Returns:
        path of the safetensors file.
    """
    from ...models.systems.state import halved
    from ...models.training.tensors import read_note, read_tensors, save_tensors, save_text

    source = trained.find(job.key)
    assert source is not None
    tensors = _own(job, read_tensors(source))
    path = folder / f"{file_name(job, single=single)}.safetensors"
    save_tensors(path, halved(tensors) if half else tensors, read_note(source))
    beside = source.with_suffix(".json")
    card = json.loads((beside if beside.is_file() else source.parent / "model_card.json").read_text(encoding="utf-8"))
    card["system"] = {**card["system"], **_configurations(job)}
    text = json.dumps({"name": path.stem, **card, "half": half}, indent=1, ensure_ascii=False)
    save_text(path.with_suffix(".json"), text + "\n")
    return path


def _own(job: "Job", tensors: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Return the tensors without the parts, system or link, that are as they were when the training started."""
    from ...models.training.tensors import read_tensors

    start = started_by(job.scheme, job.scenario.schemes)
    path = None if start is None else trained.find(trained.key_of(job.scenario, trained.source_of(job.scenario, start)))
    begun = {} if path is None else read_tensors(path)
    parts: dict[str, list[str]] = {}
    for name in tensors:
        parts.setdefault(name.split(".", 1)[0], []).append(name)
    same = {
        part for part, names in parts.items()
        if all(name in begun and begun[name].to(tensors[name].dtype).equal(tensors[name]) for name in names)
    }
    return {name: tensor for name, tensor in tensors.items() if name.split(".", 1)[0] not in same}


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
