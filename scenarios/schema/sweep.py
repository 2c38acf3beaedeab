"""Points of a sweep: the product of lists of values for any paths of a scenario."""

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .number import parse_number
from .paths import Keys, with_value
from .problems import show
from .rules import Broken, RuleError

if TYPE_CHECKING:
    from .scenario import Scenario

MOST_POINTS = 10_000
SWEPT = ("snr_db", "ebno_db", "air", "task", "schemes", "precision")
"""Fields of a scenario that a sweep may change, or parts of them."""


@dataclass(frozen=True)
class Point:
    """One point of a sweep.

    Args:
        values: value of each swept path.
        scenario: the scenario with these values, and no sweep.
    """

    values: Mapping[str, Any]
    scenario: "Scenario"

    @property
    def hash(self) -> int:
        """64-bit hash of the values alone: the same wherever the point stands in the sweep."""
        return point_hash(self.values)


def point_hash(values: Mapping[str, Any]) -> int:
    """Return the 64-bit hash of a point's values, which seeds its random draws.

    BLAKE2b of canonical JSON: keys sorted, whole numbers without a fraction, so ``6`` and ``6.0`` agree.

    Example:
        >>> point_hash({"snr_db": 6}) == point_hash({"snr_db": 6.0})
        True
    """
    text = json.dumps(_canonical(values), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, float):
        return value
    return int(value) if math.isfinite(value) and value == int(value) else value


@dataclass(frozen=True)
class Choice:
    """The raw scenario of one point.

    Args:
        values: value of each swept path, as given.
        keys: keys and indices of each path.
        data: the scenario's fields with the values applied, without the sweep.
    """

    values: dict[str, Any]
    keys: dict[str, Keys]
    data: dict[str, Any]


def well_formed(sweep: Any) -> bool:
    """Return whether ``sweep`` maps texts to lists that are not empty."""
    return isinstance(sweep, Mapping) and all(
        isinstance(path, str) and isinstance(values, (list, tuple)) and values
        for path, values in sweep.items()
    )


def expand(data: Mapping[str, Any]) -> Iterator[Choice]:
    """Yield the raw scenario of each point, the last swept path varying fastest.

    Args:
        data: a scenario's fields with a well-formed ``sweep``.

    Raises:
        RuleError: for a path that may not be swept or leads nowhere, one swept twice, a repeated value,
            or more than 10,000 points.
    """
    sweep: Mapping[str, Any] = data.get("sweep") or {}
    base = {key: value for key, value in data.items() if key != "sweep"}
    _check(sweep)
    order = sorted(sweep, key=lambda path: path.count("."))
    for combination in itertools.product(*sweep.values()):
        values = dict(zip(sweep, combination, strict=True))
        applied, keys = base, {}
        for path in order:
            applied, keys[path] = _apply(applied, path, values[path])
        if _names(applied) != _names(base):
            rule = "changes the names of the schemes, by which results are told apart"
            raise RuleError([Broken("sweep", None, rule)])
        for path in order:
            if sum(other == keys[path] for other in keys.values()) > 1:
                raise RuleError([Broken(f"sweep.{path}", None, "is swept under two names")])
        yield Choice(values, keys, applied)


def _apply(data: dict[str, Any], path: str, value: Any) -> tuple[dict[str, Any], Keys]:
    try:
        return with_value(data, path, value)
    except RuleError as error:
        raise RuleError(broken._replace(field=f"sweep.{path}") for broken in error.broken) from None


def _names(data: Mapping[str, Any]) -> list[Any]:
    schemes = data.get("schemes")
    if not isinstance(schemes, (list, tuple)):
        return []
    return [item.get("name") if isinstance(item, dict) else getattr(item, "name", None) for item in schemes]


def _check(sweep: Mapping[str, Any]) -> None:
    broken = []
    for path, values in sweep.items():
        if path.split(".")[0] not in SWEPT:
            broken.append(
                Broken(f"sweep.{path}", path, f"cannot be swept; what can lies in: {', '.join(SWEPT)}")
            )
        seen = [json.dumps(_canonical(_plain(value)), sort_keys=True, default=str) for value in values]
        for index, text in enumerate(seen):
            if text in seen[:index]:
                broken.append(Broken(f"sweep.{path}", values[index], "is in the list twice"))
    count = math.prod(len(values) for values in sweep.values())
    if count > MOST_POINTS:
        broken.append(Broken("sweep", None, f"makes {show(count)} points; at most {MOST_POINTS} are taken"))
    if broken:
        raise RuleError(broken)


def _plain(value: Any) -> Any:
    """Read numbers that were written as text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return parse_number(value)


def point_of(choice: Choice, scenario: "Scenario") -> Point:
    """Return the point of a validated choice; its values are those the scenario now holds."""
    values = {}
    for path, given in choice.values.items():
        held: Any = scenario
        for key in choice.keys[path]:
            held = _part(held, key)
        values[path] = held if isinstance(held, (bool, int, float, str)) else _plain(given)
    return Point(values, scenario)


def _part(value: Any, key: str | int) -> Any:
    if isinstance(value, dict):
        return value[key]
    if isinstance(value, (list, tuple)):
        return value[int(key)]
    return getattr(value, str(key), None)
