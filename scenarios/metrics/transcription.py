"""Word and character error rates, from counts that add up over utterances."""

import re
from collections.abc import Sequence

import numpy as np

TRANSCRIPT_STATISTICS = ("word_errors", "num_words", "character_errors", "num_characters")
"""What the rates are computed from; errors are substitutions, deletions and insertions."""

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_KEPT = re.compile(r"[^\w']+")


def normalize_transcript(text: str, *, spell_digits: bool = False) -> str:
    """Return a transcript in lower case, without punctuation other than apostrophes.

    Args:
        text: as spoken or as recognised.
        spell_digits: write each digit as a word, for data sets of spoken digits.

    Example:
        >>> normalize_transcript("HELLO, World!"), normalize_transcript("4 2.", spell_digits=True)
        ('hello world', 'four two')
    """
    words = _KEPT.sub(" ", text.lower().replace("_", " ").replace("’", "'"))
    if spell_digits:
        words = re.sub(r"[0-9]", lambda found: f" {DIGITS[int(found[0])]} ", words)
    return " ".join(word.strip("'") for word in words.split() if word.strip("'"))


def transcript_statistics(
    spoken: Sequence[str], recognised: Sequence[str], *, spell_digits: bool = False
) -> np.ndarray:
    """Return the counts that word and character error rates are computed from, by jiwer.

    Args:
        spoken: reference transcripts.
        recognised: equally many.
        spell_digits: see :func:`normalize_transcript`.

    Returns:
        [batch, 4], numpy.int64; columns as :data:`TRANSCRIPT_STATISTICS`. For an empty reference all
        that was recognised counts as inserted.

    Raises:
        ValueError: if the two differ in number, or jiwer is not installed.
    """
    if len(spoken) != len(recognised):
        raise ValueError(f"recognised: {len(recognised)} transcripts given, {len(spoken)} expected")
    rows = []
    for reference, text in zip(spoken, recognised, strict=True):
        wanted, found = (normalize_transcript(t, spell_digits=spell_digits) for t in (reference, text))
        rows.append(_counts(wanted, found))
    return np.array(rows, np.int64).reshape(len(rows), len(TRANSCRIPT_STATISTICS))


def error_ratio(sums: np.ndarray) -> np.ndarray:
    """Return errors over reference length from [..., 2] sums; NaN without a reference."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def _counts(wanted: str, found: str) -> tuple[int, int, int, int]:
    if not wanted:
        return len(found.split()), 0, len(found), 0
    try:
        import jiwer
    except ImportError as error:
        raise ValueError("metrics: word error rates need the package jiwer; `pip install jiwer`") from error
    words, characters = jiwer.process_words(wanted, found), jiwer.process_characters(wanted, found)
    errors = [w.substitutions + w.deletions + w.insertions for w in (words, characters)]
    return errors[0], len(wanted.split()), errors[1], len(wanted)
