"""Trained weights of token systems and their links that come with the package."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from ...linklevel.validation import check_choice
from .state import load_state

FOLDER = Path(__file__).parents[1] / "weights"
PARTS = ("system", "link")


def shipped_weights() -> dict[str, Path]:
    """Return the safetensors files that come with the package, by name; a card ``<name>.json`` is beside each."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.safetensors"))}


def load_shipped(
    module: nn.Module, name: str | Path, part: str, configuration: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Put one part of trained weights into a system or a link.

    Args:
        module: the system, or the link.
        name: a name of :func:`shipped_weights`, or the path of a safetensors file with a card beside it.
        part: "system" or "link": which part of the file.
        configuration: of the module, as JSON types; compared with the card unless `None`.

    Returns:
        the card.

    Raises:
        ValueError: for an unknown name (naming the nearest), a file that cannot be read, another
            configuration, or tensors that are missing, too many or of another shape, see
            :func:`~tokencom.models.systems.state.load_state`.
    """
    path = _path(name)
    check_choice("part", part, PARTS)
    card = _card(path)
    if configuration is not None:
        _check_configuration(path, card.get("system", {}).get(part), json.loads(json.dumps(configuration)))
    try:
        load_state({part: module}, path)
    except ValueError as error:
        raise ValueError(f"weights: {error}") from error
    return card


def _path(name: str | Path) -> Path:
    if isinstance(name, Path) or name.endswith(".safetensors"):
        return Path(name).expanduser()
    known = shipped_weights()
    return known[check_choice("weights", name, known)]


def _card(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"weights: the card {path.with_suffix('.json')} cannot be read ({error})") from error


def _check_configuration(path: Path, trained: Any, given: Any) -> None:
    if trained == given:
        return
    if isinstance(trained, dict) and isinstance(given, dict):
        wrong = [key for key in {**trained, **given} if trained.get(key) != given.get(key)]
        told = "; ".join(f"{key}: {given.get(key)!r} given, {trained.get(key)!r} trained" for key in wrong)
    else:
        told = f"{given!r} given, {trained!r} trained"
    raise ValueError(f"weights: {path} belongs to another configuration: {told}")
