"""Choices of a question, each behind its letter."""

from collections.abc import Sequence
from string import ascii_uppercase

LETTERS = ascii_uppercase
"""Of the choices of a question, in their order."""


def lettered(choices: Sequence[str]) -> str:
    """Return choices on a line each, behind their letters; empty for none.

    Raises:
        ValueError: for more choices than letters.

    Example:
        >>> lettered(["a cat", "a dog"]).splitlines()
        ['A. a cat', 'B. a dog']
    """
    if len(choices) > len(LETTERS):
        raise ValueError(f"choices: {len(choices)} given; at most {len(LETTERS)} have a letter each")
    return "\n".join(f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=False))
