"""Trained weights as files to pass on: safetensors with a card beside, as those that come with the package."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..schema import trained
from ..schema.multiuser import Devices
from ..schema.problems import closest
from ..schema.starting import chain
from ..schema.token_links import JSCC, Quantized, configuration

if TYPE_CHECKING:
    from torch import nn

    from ...models.systems.packing import Bits
    from .training import Job


def file_name(job: "Job", *, single: bool) -> str:
    """Return the name of a job's files: scenario and scheme, and the key's beginning where that is not enough.

    It is not for a scheme with several trainings, nor for schemes whose names differ in signs only, as -6 dB and 6 dB.
    """
    slug = _slug(job.scheme.name)
    alone = [_slug(scheme.name) for scheme in job.scenario.schemes].count(slug) == 1
    name = f"{_slug(job.scenario.name)}_{slug}"
    return name if single and alone else f"{name}_{job.key[:8]}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def write_weights(
    job: "Job", folder: Path, *, bits: "Bits", single: bool = True, like: str | None = None
) -> Path:  # fmt: skip
    """Write the weights of a job, which are there, and their card.

    A file in ``models/weights`` is found by the card's ``key``; as ``weights: file.safetensors`` it can be named. What
    the training left as it was is read from the weights that it started from, if they are in the folder, or those that
    ``like`` names; what no training has changed is left out, since it follows from a seed.

    Args:
        job: the training.
        folder: where to.
        bits: that a number has in the file, 32, 16, 8, 6, 5 or 4; see :mod:`~tokencom.models.systems.packing`.
        single: whether the scheme has no other trainings in this scenario.
        like: name of weights in the folder of which the file has the differences; if `None`, the nearest of those that
            the training started from.

    Returns:
        path of the safetensors file.

    Raises:
        ValueError: if ``like`` names nothing in the folder, or weights that go on from these.
    """
    from ...models.systems.layers import BELOW, INITIAL, START, WITHOUT, upper_layer
    from ...models.systems.packing import packed
    from ...models.systems.state import load_state, state_of
    from ...models.training.tensors import read_note, save_tensors, save_text

    source = trained.find(job.key)
    assert source is not None
    parts = _fresh(job)
    load_state(parts, source)
    tensors, note = state_of(parts), read_note(source)
    path = folder / f"{file_name(job, single=single)}.safetensors"
    key = _start(job, folder) if like is None else _named(like, folder, path)
    own, below, changed = upper_layer(tensors, initial=state_of(_fresh(job)), folder=folder, key=key, bits=bits)
    rest = {name: value for name, value in note.items() if name not in (START, WITHOUT, INITIAL, BELOW)}
    save_tensors(path, packed(own, bits, below), rest | changed)
    card = trained.card_beside(source)
    card["system"] = {**card["system"], **_configurations(job)}
    text = json.dumps({"name": path.stem, **card, "bits": bits}, indent=1, ensure_ascii=False)
    save_text(path.with_suffix(".json"), text + "\n")
    return path


def _fresh(job: "Job") -> "dict[str, nn.Module]":
    """Return system and link of a job as they are before any training."""
    training = job.scheme.training
    assert training is not None
    assert training.data is not None
    system, link = trained.parts(job.scenario, job.scheme, data=training.data[0].build())
    return {"link": link} if system is None else {"system": system, "link": link}


def _start(job: "Job", folder: Path) -> str:
    """Return the key of the nearest start of a job whose weights are in the folder; empty if there is none."""
    from ...models.systems.layers import beside

    for start in chain(job.scheme, job.scenario.schemes)[1:]:
        if start.trains and start.training is not None and start.training.makes_weights:
            key = trained.key_of(job.scenario, start)
            if beside(folder, key) is not None:
                return key
    return ""


def _named(like: str, folder: Path, path: Path) -> str:
    """Return the key of weights in the folder that do not go on from those at ``path``."""
    from ...models.systems.layers import files_of

    other = folder / f"{like}.safetensors"
    there = sorted(found.stem for found in folder.glob("*.safetensors") if found != path)
    if like not in there:
        close = closest(like, there)
        hint = f"did you mean {close!r}?" if close else f"allowed: {', '.join(there) or 'none, the folder is empty'}"
        raise ValueError(f"like: there is no {other}; {hint}")
    if path in files_of(other):
        raise ValueError(f"like: {other} goes on from {path} itself; name other weights")
    return trained.card_beside(other)["key"]


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
