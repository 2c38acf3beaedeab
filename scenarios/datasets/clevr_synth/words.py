"""Random choices and noun phrases."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from .view import Filters
from .vocabulary import ATTRIBUTES, DIRECTION_PHRASES, SYNONYMS

_T = TypeVar("_T")


class Choices:
    """Cheap random choices: uniform numbers drawn in blocks.

    Args:
        rng: source of all randomness.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._pool: list[float] = []

    def uniform(self) -> float:
        """Return a number of 0...1."""
        if not self._pool:
            self._pool = self._rng.random(256).tolist()
        return self._pool.pop()

    def chance(self, probability: float) -> bool:
        """Return true with a probability."""
        return self.uniform() < probability

    def below(self, bound: int) -> int:
        """Return an integer of 0...bound-1."""
        return int(self.uniform() * bound)

    def pick(self, items: Sequence[_T]) -> _T:
        """Return one of the items."""
        return items[int(self.uniform() * len(items))]

    def shuffled(self, items: Sequence[_T]) -> list[_T]:
        """Return the items in random order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in range(len(rest))]


def members(mask: int) -> list[int]:
    """Return the objects of a mask.

    Example:
        >>> members(0b1010)
        [1, 3]
    """
    return [i for i in range(mask.bit_length()) if mask >> i & 1]


def say(choices: Choices, value: str) -> str:
    """Return one of the words for a value."""
    return choices.pick(SYNONYMS.get(value, (value,)))


def noun(choices: Choices, filters: Filters, *, plural: bool = False) -> str:
    """Return a noun phrase without article for objects with these values, such as "small red ball"."""
    words = [say(choices, value) for value in filters[:3] if value is not None]
    head = say(choices, filters[ATTRIBUTES.index("shape")] or "thing")
    return " ".join([*words, head + "s" * plural])


def with_article(phrase: str) -> str:
    """Return a phrase with "a" or "an" before it.

    Example:
        >>> with_article("object")
        'an object'
    """
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def beside(choices: Choices, direction: str) -> str:
    """Return a phrase for a direction, such as "to the left of"."""
    return choices.pick(DIRECTION_PHRASES[direction])
