"""Answers to questions about images, as the VQA challenge normalises and scores them."""

import re
from collections.abc import Sequence

NUMBERS = {
    "none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10",
}  # fmt: skip
ARTICLES = frozenset(("a", "an", "the"))

_STEMS = {
    "n't": "ai are ca could did does do had has have is might must need ought sha should was were wo would",
    "'ve": "could i might must not should they we what who would you",
    "'d": "he how it somebody someone something that there they where who you",
    "'ll": "how it somebody someone something that they what who why you",
    "'s": "he how let she somebody someone something that there what when where who why",
    "'re": "how somebody that there they what why you",
    "'m": "i",
}
_WHOLE = ("ma'am", "o'clock", "y'all", "'twas", "'tis", "'em", "'ow's'at")
_AMBIGUOUS = frozenset(("whore",))
CONTRACTIONS = {
    word.replace("'", ""): word
    for word in (*(stem + end for end, stems in _STEMS.items() for stem in stems.split()), *_WHOLE)
    if word.replace("'", "") not in _AMBIGUOUS
}
"""Contractions written without their apostrophe, except those that are words of their own (its, were, well)."""

_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_DIGIT_COMMA = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")


def normalize_answer(answer: str) -> str:
    """Return an answer in the form in which answers are compared.

    The steps of the VQA evaluation (Antol et al., "VQA: Visual Question Answering", ICCV 2015, and
    the challenge's evaluation page): lower case; periods removed unless a digit follows; punctuation
    other than apostrophe and colon removed where a space is beside it, and between the digits of a
    number, else replaced by a space; number words up to ten as digits; articles removed; apostrophes
    put back into contractions.

    Example:
        >>> normalize_answer("The two dogs."), normalize_answer("Dont know!"), normalize_answer("1,000")
        ('2 dogs', "don't know", '1000')
    """
    text = " ".join(answer.split())
    joined = _DIGIT_COMMA.search(text) is not None
    plain = text
    for mark in _PUNCTUATION:
        if mark in text:
            beside = f"{mark} " in text or f" {mark}" in text
            plain = plain.replace(mark, "" if beside or joined else " ")
    plain = _PERIOD.sub("", plain).lower()
    words = (NUMBERS.get(word, word) for word in plain.split())
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)


def soft_accuracy(answer: str, given: Sequence[str]) -> float:
    r"""Return how far people agree with an answer, 0 to 1.

    .. math:: \frac{1}{n} \sum_i \min\Big(\frac{\text{people other than } i \text{ who gave it}}{3}, 1\Big)

    the mean over all sets of n - 1 of the n people, so that people and machines are judged alike. With
    one or two answers it is the share of equal ones. Both sides are normalised, also where all people
    agree; the challenge's own program then leaves them as they were typed.

    Args:
        answer: the answer to judge.
        given: the answers of people, usually ten.

    Raises:
        ValueError: without any answer of people.

    Example:
        >>> [round(soft_accuracy("cat", ["cat"] * k + ["dog"] * (10 - k)), 2) for k in range(5)]
        [0.0, 0.3, 0.6, 0.9, 1.0]
    """
    if not given:
        raise ValueError("given: no answer of people; at least one is needed")
    wanted = normalize_answer(answer)
    equal = sum(normalize_answer(other) == wanted for other in given)
    count = len(given)
    if count < 3:
        return equal / count
    without_one_of_them = min((equal - 1) / 3, 1.0)
    without_another = min(equal / 3, 1.0)
    return (equal * without_one_of_them + (count - equal) * without_another) / count
