"""What is wrong with a scenario, told in one line each."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ...linklevel.validation import nearest

_LONGEST = 60


def show(value: object, depth: int = 2) -> str:
    """Return a short one-line text of any value, however large or deep.

    Example:
        >>> show("F"), show([1, 2]), show({"type": "tdl"})
        ("'F'", '[1, 2]', "{type: 'tdl'}")
    """
    if isinstance(value, (dict, list, tuple)):
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        if depth == 0:
            return f"{opening}...{closing}"
        if isinstance(value, dict):
            parts = [f"{str(k)[:20]}: {show(v, depth - 1)}" for k, v in list(value.items())[:4]]
        else:
            parts = [show(v, depth - 1) for v in value[:6]]
        return opening + _cut(", ".join(parts + ["..."] * (len(value) > len(parts)))) + closing
    if isinstance(value, int) and value.bit_length() > 128:
        return f"an integer of {value.bit_length()} bits"
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def closest(value: object, choices: Iterable[object]) -> object | None:
    """Return the choice most like ``value``: nearest number, nearest spelling, nearest single letter.

    Example:
        >>> closest(5, [2, 4, 6, 8]), closest("ldcp5g", ["ldpc5g", "turbo"]), closest("F", "ABCDE")
        (4, 'ldpc5g', 'E')
    """
    choices = list(choices)
    numbers = [c for c in choices if isinstance(c, (int, float)) and not isinstance(c, bool)]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return min(numbers, key=lambda c: abs(c - value), default=None)
    if not isinstance(value, str) or len(value) > 200:
        return None
    letters = [c for c in choices if isinstance(c, str) and len(c) == 1]
    if len(value) == 1 and value.isalpha() and len(letters) == len(choices):
        return min(letters, key=lambda c: abs(ord(c) - ord(value.upper())), default=None)
    return nearest(value, choices)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a scenario.

    Args:
        field: dotted path in the scenario; empty for the file as a whole.
        rule: what is allowed, as the rest of a sentence that starts with the value.
        value: the value given, as text; empty where nothing is given.
        nearest: the allowed value most like the one given.
        file: the file, or the override, that gave the value.
        line: line in the file, from 1.
        where: the sweep point at which it goes wrong, if not at all of them.
    """

    field: str
    rule: str
    value: str = ""
    nearest: object | None = None
    file: str = ""
    line: int | None = None
    where: str = ""

    def __str__(self) -> str:
        source = self.file + (f":{self.line}" if self.line else "")
        head = "".join(f"{part}: " for part in (source, self.field) if part)
        hint = "" if self.nearest is None else f"; did you mean {self.nearest!r}?"
        where = f" (at {self.where})" if self.where else ""
        return f"{head}{self.value}{' ' if self.value else ''}{self.rule}{hint}{where}"

    def at(self, file: str, line: int | None) -> "Problem":
        """Return the same problem with its place."""
        return replace(self, file=file, line=line)


class ScenarioError(ValueError):
    """A scenario that cannot be used; the text has one line for each problem.

    Args:
        problems: every problem found, at least one.

    Example:
        >>> print(ScenarioError([Problem("air.type", "is not known", "'flatt'", "flat", "a.yaml", 3)]))
        a.yaml:3: air.type: 'flatt' is not known; did you mean 'flat'?
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type["ScenarioError"], tuple[tuple[Problem, ...]]]:
        """Rebuild from the problems: an exception's default pickles its message."""
        return type(self), (self.problems,)
