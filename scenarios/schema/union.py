"""Unions told apart by ``type:``, open to Python classes and installed plug-ins."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, get_args, get_origin

from pydantic import BeforeValidator, Field

PLUGIN_GROUP = "tokencom.plugins"


@cache
def plugins() -> dict[str, EntryPoint]:
    """Return the classes that installed packages register in the entry-point group ``tokencom.plugins``."""
    return {point.name: point for point in entry_points(group=PLUGIN_GROUP)}


def members_of(union: Any) -> tuple[Any, ...]:
    """Return the configurations of a union, or of a field type that holds one."""
    while get_origin(union) is Annotated:
        union = get_args(union)[0]
    return get_args(union) or (union,)


def types_of(union: Any) -> tuple[str, ...]:
    """Return the values of ``type`` that the configurations of a union have."""
    return tuple(get_args(member.model_fields["type"].annotation)[0] for member in members_of(union))


def _plugin_as_python(known: tuple[str, ...]) -> Callable[[Any], Any]:
    def rewrite(value: Any) -> Any:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind in known or kind not in plugins():
            return value
        options = {key: item for key, item in value.items() if key != "type"}
        return {"type": "python", "target": kind, "options": options}

    return rewrite


def tagged(union: Any) -> Any:
    """Return the field type for a union of configurations that differ in ``type``.

    Where the union has :class:`~tokencom.scenarios.schema.python_target.PythonTarget`, the name of an
    installed plug-in is a type too: its other fields become the options.
    """
    known = types_of(union)
    field = Annotated[union, Field(discriminator="type")]
    return Annotated[field, BeforeValidator(_plugin_as_python(known))] if "python" in known else field
