"""Configurations as JSON that stays the same when a field with a default is added, or a default is written out."""

from collections.abc import Collection, Mapping
from typing import Any

from .base import Config


def canonical(value: Any, without: Collection[str] = ()) -> Any:
    """Return a configuration as JSON types: its ``type``, and the fields that differ from their defaults.

    Args:
        value: a configuration, or what one holds.
        without: names of fields to leave out, at any depth.

    Example:
        >>> from .air import FlatAir
        >>> canonical(FlatAir(channel="awgn")), canonical(FlatAir(channel="rayleigh"))
        ({'type': 'flat'}, {'type': 'flat', 'channel': 'rayleigh'})
    """
    if isinstance(value, Config):
        fields = type(value).model_fields
        given = {name: getattr(value, name) for name in fields if name not in without}
        return {
            name: canonical(item, without)
            for name, item in given.items()
            if name == "type"
            or fields[name].is_required()
            or item != fields[name].get_default(call_default_factory=True)
        }
    if isinstance(value, Mapping):
        return {str(name): canonical(item, without) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [canonical(item, without) for item in value]
    return value
