"""Sizes by preset."""

from collections.abc import Mapping
from typing import Any

from ...linklevel.validation import check_choice


def sizes_of(presets: Mapping[str, Mapping[str, Any]], preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a preset's sizes, with those that are given in their place.

    Args:
        presets: sizes by name, by preset.
        preset: name of one.
        given: sizes by name; `None` takes the preset's.

    Raises:
        ValueError: for an unknown preset.

    Example:
        >>> sizes_of({"tiny": {"dim": 128, "depth": 2}}, "tiny", {"dim": None, "depth": 3})
        {'dim': 128, 'depth': 3}
    """
    sizes = dict(presets[check_choice("preset", preset, presets)])
    sizes.update({name: value for name, value in given.items() if value is not None})
    return {name: tuple(value) if isinstance(value, list) else value for name, value in sizes.items()}


def plain(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Return sizes as JSON types."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in sizes.items()}
