"""Rules between fields, and how a broken one is told."""

from collections.abc import Iterable
from typing import NamedTuple


class Broken(NamedTuple):
    """One broken rule.

    Args:
        field: dotted path below the model that found it; empty for the model itself.
        value: the value given; `None` where nothing is given.
        rule: what is allowed, as the rest of a sentence that starts with the value.
        choices: allowed values, listed in the message, where they are few.
    """

    field: str
    value: object
    rule: str
    choices: tuple[object, ...] = ()


class RuleError(ValueError):
    """Rules that a validated model breaks; carries every one, so that all are reported at once.

    Example:
        >>> print(RuleError([Broken("k", 9, "is larger than n = 8; k <= n is needed")]))
        k: 9 is larger than n = 8; k <= n is needed
    """

    def __init__(self, broken: Iterable[Broken]) -> None:
        self.broken = tuple(broken)
        super().__init__("; ".join(f"{b.field}: {b.value!r} {b.rule}" for b in self.broken))

    def __reduce__(self) -> tuple[type["RuleError"], tuple[tuple[Broken, ...]]]:
        """Rebuild from the rules: an exception's default pickles its message."""
        return type(self), (self.broken,)
