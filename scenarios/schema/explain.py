"""Turn pydantic's errors into sentences that name field, value, rule and nearest valid choice."""

import functools
import operator
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import ValidationError

from .base import Config
from .paths import Keys
from .problems import Problem, closest, show
from .rules import Broken, RuleError
from .union import types_of

_LIMITS = {
    "greater_than": ("gt", "must be greater than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}
_KINDS = {
    "string_type": "is not a text; put it in quotes if it is meant as one",
    "bool_type": "is neither true nor false",
    "tuple_type": "is not a list",
    "list_type": "is not a list",
    "dict_type": "is not a mapping of names to values",
    "model_type": "is not a mapping of names to values",
    "model_attributes_type": "is not a mapping with a 'type'",
    "string_too_short": "is empty; give a text",
    "invalid_key": "is not a name",
}


class _Place(NamedTuple):
    """Where an error is: its keys, the model that holds the last key, and the type there."""

    keys: Keys
    model: type[Config] | None
    annotation: Any

    @property
    def field(self) -> str:
        return ".".join(map(str, self.keys))


def explain(error: ValidationError, root: type[Config]) -> Iterator[tuple[Keys, Problem]]:
    """Yield each problem of a failed validation, with the keys and indices of the value it is about.

    Args:
        error: what ``root.model_validate`` raised.
        root: the model that was validated.
    """
    for item in error.errors(include_url=False):
        place = _locate(root, item["loc"])
        cause = item.get("ctx", {}).get("error")
        if item["type"] == "too_short" and len(item["input"]) >= item["ctx"]["min_length"]:
            continue  # pydantic counts the valid elements; the others have errors of their own
        if isinstance(cause, RuleError):
            for broken in cause.broken:
                yield _rule_problem(place.keys, broken)
        else:
            yield _field_problem(place, item)


def rule_problems(error: RuleError, keys: Keys = ()) -> Iterator[tuple[Keys, Problem]]:
    """Yield each problem of broken rules, as :func:`explain` does."""
    for broken in error.broken:
        yield _rule_problem(keys, broken)


def _rule_problem(keys: Keys, broken: Broken) -> tuple[Keys, Problem]:
    keys += keys_of(broken.field)
    value = "" if broken.value is None else show(broken.value)
    rule = broken.rule + (f"; allowed: {_listed(broken.choices)}" if broken.choices else "")
    field = ".".join(map(str, keys))
    return keys, Problem(field, rule, value, closest(broken.value, broken.choices))


def keys_of(field: str) -> Keys:
    """Split a dotted field; what follows ``sweep.`` is one key."""
    if field.startswith("sweep."):
        return "sweep", field.removeprefix("sweep.")
    return tuple(int(key) if key.isdecimal() else key for key in field.split(".") if key)


def _field_problem(place: _Place, item: Mapping[str, Any]) -> tuple[Keys, Problem]:
    kind, value, ctx = item["type"], item["input"], item.get("ctx", {})
    choices: tuple[Any, ...] = ()
    text = show(value)
    rule = "is not known"
    if kind == "missing":
        return place.keys, Problem(place.field, f"is missing; {_needed(place)}")
    if kind == "union_tag_not_found":
        place = place._replace(keys=(*place.keys, "type"))
        return place.keys, Problem(place.field, f"is missing; allowed: {_listed(types_of(place.annotation))}")
    if kind == "extra_forbidden":
        choices, value = tuple(place.model.model_fields if place.model else ()), place.keys[-1]
        text, rule = repr(value), "is not a field here"
    elif kind == "union_tag_invalid":
        choices, value = (
            types_of(place.annotation),
            value["type"] if isinstance(value, Mapping) else ctx["tag"],
        )
        place, text = place._replace(keys=(*place.keys, "type")), show(value)
    elif kind == "literal_error":
        choices = get_args(place.annotation)
    else:
        return place.keys, Problem(place.field, _rule(kind, ctx, item["msg"]), text)
    return place.keys, Problem(
        place.field, f"{rule}; allowed: {_listed(choices)}", text, closest(value, choices)
    )


def _rule(kind: str, ctx: Mapping[str, Any], message: str) -> str:
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        return f"{words} {ctx[key]:g}" if isinstance(ctx[key], float) else f"{words} {ctx[key]}"
    if kind == "too_short":
        return f"has {ctx['actual_length']} elements; at least {ctx['min_length']} are needed"
    if kind == "too_long":
        return f"has more than {ctx['max_length']} elements, the most allowed"
    if kind == "string_too_long":
        return f"is longer than {ctx['max_length']} characters"
    if kind == "string_pattern_mismatch":
        return f"does not have the form {ctx['pattern']}"
    return _KINDS.get(kind, message)


def _needed(place: _Place) -> str:
    field = place.model.model_fields[str(place.keys[-1])] if place.model else None
    if field is None or not field.description:
        return "a value is needed"
    words = field.description.rstrip(".")
    return "needed: " + (words if words[:2].isupper() else words[0].lower() + words[1:])


def _listed(choices: tuple[Any, ...]) -> str:
    return ", ".join(map(str, choices)) if choices else "nothing"


def _locate(root: type[Config], loc: tuple[int | str, ...]) -> _Place:
    """Follow pydantic's location, which also names the union members it passes."""
    place = _Place((), None, root)
    for step in loc:
        kind = place.annotation
        if _is_union(kind):
            # A union of plain types has no tags: the step is pydantic's name of a member, and no field.
            members = [m for m in map(_plain, get_args(kind)) if isinstance(m, type) and issubclass(m, Config)]
            place = place._replace(annotation=next((m for m in members if step in types_of(m)), None))
        elif isinstance(kind, type) and issubclass(kind, Config):
            field = kind.model_fields.get(str(step))
            place = _Place((*place.keys, step), kind, _plain(field.annotation) if field else None)
        elif step == "[key]":
            continue
        else:
            arguments = [a for a in get_args(kind) if a is not Ellipsis] or [None]
            last = len(arguments) - 1
            inner = arguments[min(step, last) if get_origin(kind) is tuple and isinstance(step, int) else last]
            place = _Place((*place.keys, step), None, _plain(inner))
    return place


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in {Union, types.UnionType}


def _plain(annotation: Any) -> Any:
    """Strip ``Annotated`` and ``| None``."""
    while True:
        members = [a for a in get_args(annotation) if a is not type(None)]
        if get_origin(annotation) is Annotated or (_is_union(annotation) and len(members) == 1):
            annotation = members[0]
        elif _is_union(annotation) and len(members) < len(get_args(annotation)):
            return functools.reduce(operator.or_, members)
        else:
            return annotation
