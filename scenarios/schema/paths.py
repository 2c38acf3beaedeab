"""Dotted paths into a scenario, as sweeps and command-line overrides write them."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from .problems import show
from .rules import Broken, RuleError

Keys = tuple[str | int, ...]
"""Where a value lies: keys of mappings and indices of lists."""

ALL = "*"
"""Stands for every element of a list."""

_MOST_PARTS = 40


def with_value(data: Any, path: str, value: Any) -> tuple[Any, Keys]:
    """Return ``data`` with the value at a dotted path replaced, and that path's keys and indices.

    A list element is named by its index, or by its ``name`` if it has one (names may hold dots); ``*`` stands for all
    elements that have what the path leads through. The keys are then those of the first.
    Only what lies along the path is copied; models along it become dicts.

    Raises:
        RuleError: for a path through a value that has no parts, or to an element that is not there.

    Example:
        >>> with_value({"schemes": [{"name": "LDPC"}]}, "schemes.LDPC.link.coderate", 0.5)
        ({'schemes': [{'name': 'LDPC', 'link': {'coderate': 0.5}}]}, ('schemes', 0, 'link', 'coderate'))
    """
    parts = path.split(".")
    if not all(parts) or len(parts) > _MOST_PARTS:
        raise RuleError(
            [Broken("", path, f"is not a path; write at most {_MOST_PARTS} names joined by dots")]
        )
    return _replaced(data, parts, value, path)


def _replaced(node: Any, parts: list[str], value: Any, path: str) -> tuple[Any, Keys]:
    if not parts:
        return value, ()
    if isinstance(node, BaseModel):
        node = node.model_dump()
    if isinstance(node, (list, tuple)) and parts[0] == ALL:
        return _all_replaced(node, parts[1:], value, path)
    if isinstance(node, (list, tuple)):
        index, used = _element(node, parts, path)
        inner, tail = _replaced(node[index], parts[used:], value, path)
        return [*node[:index], inner, *node[index + 1 :]], (index, *tail)
    if node is None:
        node = {}
    if not isinstance(node, dict):
        rule = f"does not exist: {show(node)} stands where a mapping with {parts[0]!r} should"
        raise RuleError([Broken(path, None, rule)])
    inner, tail = _replaced(node.get(parts[0]), parts[1:], value, path)
    return {**node, parts[0]: inner}, (parts[0], *tail)


def _all_replaced(node: Sequence[Any], parts: list[str], value: Any, path: str) -> tuple[Any, Keys]:
    """Replace the value in every element that has a mapping where the path's last name belongs."""
    found, keys = list(node), []
    for index, element in enumerate(node):
        if parts and _leads(element, parts[:-1]):
            found[index], tail = _replaced(element, parts, value, path)
            keys.append((index, *tail))
    if not keys:
        raise RuleError([Broken(path, None, f"leads nowhere: no element of the list has {'.'.join(parts[:-1])!r}")])
    return found, keys[0]


def _leads(node: Any, parts: list[str]) -> bool:
    """Tell whether names lead to a mapping."""
    for part in parts:
        node = node.get(part) if isinstance(node, dict) else getattr(node, part, None)
    return isinstance(node, (dict, BaseModel))


def _element(node: Sequence[Any], parts: list[str], path: str) -> tuple[int, int]:
    """Return the index of the element that ``parts`` starts with, and how many parts name it."""
    names = [item.get("name") if isinstance(item, dict) else getattr(item, "name", None) for item in node]
    for count in range(len(parts), 0, -1):
        if ".".join(parts[:count]) in names:
            return names.index(".".join(parts[:count])), count
    if parts[0].isdecimal() and len(parts[0]) < 10:
        if int(parts[0]) < len(node):
            return int(parts[0]), 1
        rule = f"is past the end of the list; it has {len(node)} elements, counted from 0"
        raise RuleError([Broken(path, int(parts[0]), rule)])
    known = tuple(name for name in names if isinstance(name, str))
    raise RuleError([Broken(path, parts[0], "is neither a name in the list nor an index", known)])
