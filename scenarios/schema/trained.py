"""Weights of a scheme that its training makes: their key, where they are, and how they get into a link."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .base import Config
from .canonical import canonical
from .data_identity import data_identity
from .schemes import TokenScheme
from .starting import started_by
from .systems import system_of
from .weights import cards, file_digest, folder

if TYPE_CHECKING:
    from torch import nn

    from ...linklevel.links import Link
    from ...models.systems import TokenSystem
    from ...models.training import Stage
    from .scenario import Scenario

STATE = "model.safetensors"
"""Name of the file with all of a scheme's parameters, beside what the training loop keeps."""

LOADED_FROM = ("weights", "path", "online")
"""Fields of a system that say where something is."""


class NotTrainedError(ValueError):
    """Weights that are neither shipped nor in the cache."""


def source_of(scenario: "Scenario", scheme: TokenScheme) -> TokenScheme:
    """Return the scheme whose training makes a scheme's weights: itself, or one that it starts from."""
    while scheme.trains and scheme.training is not None and not scheme.training.makes_weights:
        start = started_by(scheme, scenario.schemes)
        assert start is not None  # a rule of the scenario
        scheme = start
    return scheme


def stages_of(scheme: TokenScheme) -> "Sequence[Stage]":
    """Return the stages of a scheme's training."""
    assert scheme.training is not None
    return scheme.training.build("mse" if scheme.system is None else "task")


def _crosses_air(scheme: TokenScheme) -> bool:
    """Tell whether anything is sent in a scheme's training."""
    from ...models.systems.trainable import OVER_THE_AIR

    return any(stage.losses.get(name) for stage in stages_of(scheme) for name in OVER_THE_AIR)


def arguments(scenario: "Scenario", scheme: TokenScheme) -> dict[str, Any]:
    """Return what a training's key is made of: ``system``, ``data`` and ``seed``, as ``train`` takes them."""
    training = scheme.training
    assert training is not None
    start = started_by(scheme, scenario.schemes)
    system: dict[str, Any] = {
        "system": None if scheme.system is None else system_identity(scheme.system),
        "link": canonical(scheme.link, ("weights",)),
    }
    if _crosses_air(scheme):
        air = training.air or (scenario.air_of(scheme),)
        system["air"] = [canonical(one) for one in air]
    several = [data_identity(one) for one in training.data or ()]
    data: dict[str, Any] = {"in_turn": several} if len(several) > 1 else dict(several[0]) if several else {}
    if training.group is not None:
        data["group"] = training.group
    if scheme.weights():
        system["weights"] = scheme.weights()
    if start is not None:
        system["start"] = identity(scenario, start, content=False)
    return {"system": system, "data": data, "seed": scenario.seed if training.seed is None else training.seed}


def key_of(scenario: "Scenario", scheme: TokenScheme) -> str:
    """Return the key of the weights that a scheme's own training makes, 32 hexadecimal digits."""
    from ...models.training import training_key

    return training_key(stages=stages_of(scheme), **arguments(scenario, scheme))


def identity(scenario: "Scenario", scheme: TokenScheme, *, content: bool = True) -> dict[str, Any]:
    """Return what tells a scheme's weights from others: their key, or hashes of the files that it names.

    Args:
        scenario: with the values of a sweep's point.
        scheme: one of its schemes.
        content: whether the file's own hash is in it too: two trainings of one key on different machines, or
            the same weights in half precision, give other results.
    """
    from ...models.systems.layers import files_of

    source = source_of(scenario, scheme)
    if not source.trains:
        return {"weights": source.weights()}
    key = key_of(scenario, source)
    path = find(key)
    if not content or path is None:
        return {"key": key}
    digests = [file_digest(one) for one in files_of(path)]
    return {"key": key, "file": digests[0] if len(digests) == 1 else digests}


def find(key: str) -> Path | None:
    """Return the file with the weights of a key: one that is shipped, or one in the cache; `None` if there is none."""
    from ...models.training import weights_path

    for name, card in cards().items():
        if card.get("key") == key:
            return folder() / f"{name}.safetensors"
    path = weights_path(key).with_name(STATE)
    return path if path.is_file() else None


def card_beside(path: Path) -> dict[str, Any]:
    """Return the card of a file of :func:`find`: of the same name where it is shipped, the folder's in the cache."""
    from ...models.training.card import JSON

    own = path.with_suffix(".json")
    return json.loads((own if own.is_file() else path.with_name(JSON)).read_text(encoding="utf-8"))


def load(scenario: "Scenario", scheme: TokenScheme, link: "Link") -> None:
    """Put trained weights into the link of a scheme that is built.

    Args:
        scenario: with the values of a sweep's point.
        scheme: one of its schemes, which ``trains``.
        link: what was built of it.

    Raises:
        NotTrainedError: if they are nowhere, naming the command that makes them.
    """
    model: Any = link
    wanted: dict[str, Any] = {}
    if scheme.system is not None and getattr(scheme.system, "weights", None) is None:
        wanted["system"] = model.system
    if scheme.needs_link_weights and scheme.trained_over is not None:
        wanted["link"] = model.trained_over
    elif scheme.needs_link_weights and scheme.source is None:
        wanted["link"] = getattr(model, "link", model)
    put(scenario, scheme, wanted, starts=False)


def put(
    scenario: "Scenario", scheme: TokenScheme, wanted: "Mapping[str, nn.Module]", *, starts: bool = True
) -> None:  # fmt: skip
    """Put the trained weights of a scheme into modules.

    Args:
        scenario: with the values of a sweep's point.
        scheme: whose weights.
        wanted: modules by name, "system" and "link".
        starts: whether a training starts from them; see :func:`~tokencom.models.systems.state.load_state`.

    Raises:
        NotTrainedError: if they are nowhere, naming the command that makes them.
    """
    from ...models.systems.state import load_state

    source = source_of(scenario, scheme)
    if not source.trains:
        _copy(scenario, source, wanted, starts)
        return
    path = find(key_of(scenario, source))
    if path is None:
        raise NotTrainedError(
            f"scheme {source.name!r}: its weights are neither shipped nor in the cache; make them with"
            f" tokencom train <scenario> --scheme {json.dumps(source.name)}, or let tokencom run do it"
        )
    load_state(wanted, path, starts=starts)


def _copy(scenario: "Scenario", source: TokenScheme, wanted: Mapping[str, "nn.Module"], starts: bool) -> None:
    """Copy the parameters of a scheme whose parts name their weights."""
    from ...models.systems.state import copy_state

    system, link = parts(scenario, source)
    copy_state({"system": system, "link": link} if system is not None else {"link": link}, wanted, starts=starts)


def parts(
    scenario: "Scenario", scheme: TokenScheme, *, data: Any = None
) -> "tuple[TokenSystem | None, Link]":  # fmt: skip
    """Construct system and link of a scheme, over the first air interface that it is trained with.

    Args:
        scenario: with the values of a sweep's point.
        scheme: one of its schemes.
        data: the samples of its training, for the size of images and the sampling rate of audio; looked up if
            `None`.
    """
    training = scheme.training
    air: Any = training.air[0] if training is not None and training.air else scenario.air_of(scheme)
    through = air.build(precision="single", device=scenario.device)
    link: Any = scheme.link
    if scheme.system is None:
        samples: Any = _samples(scenario, scheme) if data is None else data
        return None, link.build(air=through, shape=samples[0].inputs["image"].shape)
    rate = getattr(data, "sampling_rate", None)
    heard = {"sampling_rate": rate} if rate is not None and getattr(scheme.system, "payload", "") == "audio" else {}
    system = system_of(scheme.system, scenario.device, **heard)
    describe: Any = getattr(system, "configuration", None)
    trained_for = describe() if callable(describe) else None
    return system, link.build(air=through, dim=system.dim, trained_for=trained_for)


def _samples(scenario: "Scenario", scheme: TokenScheme) -> Any:
    """Return the samples that a scheme is trained with, or else those of its task."""
    if scheme.training is not None and scheme.training.data is not None:
        return scheme.training.data[0].build()
    task: Any = scenario.task_of(scheme)
    return task.data.build()


def system_identity(config: Any) -> dict[str, Any]:
    """Return what a system's training follows from: its configuration, and the options that shape how it begins."""
    kind: Any = type(config)
    own = _configuration(kind, config.model_dump_json())
    return {"configuration": json.loads(own), "options": canonical(config, LOADED_FROM)}


@cache
def _configuration(kind: type[Config], text: str) -> str:
    """Return a system's own account of itself as JSON; a configuration with ``identity()`` need not be built for it."""
    config: Any = kind.model_validate_json(text)
    if hasattr(config, "identity"):
        return json.dumps(config.identity(), sort_keys=True)
    describe = getattr(system_of(config, "cpu"), "configuration", None)
    return json.dumps(describe() if callable(describe) else None, sort_keys=True)
