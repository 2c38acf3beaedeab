"""Reading a choice out of an answer: option letters, yes and no."""

import re
from collections.abc import Sequence

from ...models.choices import LETTERS
from .vqa import normalize_answer

_ALONE = re.compile(r"^\W*([A-Za-z])\W*$")
_LEADING = re.compile(r"^\W*([A-Z])\s*[.):,]")
_NAMED = re.compile(r"\b(?:answer|option|choice)\b\W*(?:is\W*)?\(?([A-Z])\b(?!')", re.IGNORECASE)
_WORD = re.compile(r"(?<![\w'])([B-Z])(?![\w'])|(?<![\w'])(A)(?=\s*(?:[.):,]|$|or\b|and\b))")


def letter_of(answer: str, choices: Sequence[str]) -> str | None:
    """Return the letter of the option that an answer names, or `None` if it names none or several.

    An answer names an option by its letter alone, at its start ("B. a cat"), after "answer",
    "option" or "choice", or as the only capital letter that stands by itself; else by the option's
    text, if one option is equal to it, or alone is contained in it.

    Args:
        answer: as a model wrote it.
        choices: texts of the options, of A, B, ...

    Raises:
        ValueError: for no option, or more than 26.

    Example:
        >>> [letter_of(text, ["a cat", "a dog"]) for text in ("b", "The answer is (A).", "A dog!", "both")]
        ['B', 'A', 'B', None]
    """
    if not 1 <= len(choices) <= len(LETTERS):
        raise ValueError(f"choices: {len(choices)} given; 1 to {len(LETTERS)} are allowed")
    allowed = LETTERS[: len(choices)]
    for pattern in (_ALONE, _LEADING, _NAMED):
        found = pattern.search(answer)
        if found and found[1].upper() in allowed:
            return found[1].upper()
    equal = [k for k, choice in enumerate(choices) if normalize_answer(choice) == normalize_answer(answer)]
    if len(equal) == 1:
        return allowed[equal[0]]
    named = {(one or other) for one, other in _WORD.findall(answer)} & set(allowed)
    if len(named) == 1:
        return named.pop()
    held = [k for k, choice in enumerate(choices) if _holds(answer, choice)]
    return allowed[held[0]] if len(held) == 1 else None


def yes_or_no(answer: str) -> str | None:
    """Return "yes" or "no" if an answer begins with it, or has one of the two words, else `None`.

    As MME reads answers (Fu et al., "MME", 2023): its first characters count.

    Example:
        >>> [yes_or_no(text) for text in ("Yes, it is.", "no", "I think not", "It is yes")]
        ['yes', 'no', None, 'yes']
    """
    words = normalize_answer(answer).split()
    if words and words[0] in {"yes", "no"}:
        return words[0]
    found = {word for word in words if word in {"yes", "no"}}
    return found.pop() if len(found) == 1 else None


def _holds(answer: str, choice: str) -> bool:
    wanted = normalize_answer(choice)
    return bool(wanted) and f" {wanted} " in f" {normalize_answer(answer)} "
