"""Text quality, item by item: sufficient statistics of BLEU from sacrebleu, and exact match."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU

MAX_ORDER = 4
BLEU_STATISTICS = (
    "bleu_received_length",
    "bleu_sent_length",
    *(f"bleu_correct_{n}" for n in range(1, MAX_ORDER + 1)),
    *(f"bleu_total_{n}" for n in range(1, MAX_ORDER + 1)),
)
"""What BLEU is computed from: lengths in tokens, matching and all n-grams of the received text."""


def bleu_statistics(sent: Sequence[str], received: Sequence[str]) -> np.ndarray:
    """Return the statistics that BLEU is computed from, for each text; they add up over texts.

    Tokenised as sacrebleu's default (13a), case-sensitive, one reference.

    Args:
        sent: reference texts.
        received: equally many texts.

    Returns:
        [batch, 10], numpy.int64; columns as :data:`BLEU_STATISTICS`.

    Raises:
        ValueError: if the two differ in number.
    """
    _check_number(sent, received)
    rows = []
    for reference, text in zip(sent, received, strict=True):
        score = _bleu().sentence_score(text, [reference])
        rows.append([score.sys_len, score.ref_len, *score.counts, *score.totals])
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(BLEU_STATISTICS))


def corpus_bleu(statistics: np.ndarray) -> np.ndarray:
    """Return corpus BLEU, 0 to 100, from summed statistics (Papineni et al., ACL 2002).

    With sacrebleu's default smoothing ("exp") of n-gram orders without a match.

    Args:
        statistics: [..., 10]; sums of :func:`bleu_statistics` over the texts of a corpus.

    Returns:
        [...], float64.

    Example:
        >>> texts = ["the cat sat on the mat", "it was late"]
        >>> round(float(corpus_bleu(bleu_statistics(texts, texts).sum(0))), 6)
        100.0
    """
    statistics = np.asarray(statistics)
    rows = np.rint(statistics).astype(np.int64).reshape(-1, len(BLEU_STATISTICS))
    scores = np.array([_score(row.tolist()) for row in rows], dtype=np.float64)
    return scores.reshape(statistics.shape[:-1])


def exact_match(sent: Sequence[str], received: Sequence[str]) -> np.ndarray:
    """Tell for each text whether it arrived unchanged: [batch], numpy.int64 of 0 and 1."""
    _check_number(sent, received)
    return np.array([a == b for a, b in zip(sent, received, strict=True)], dtype=np.int64)


def _score(row: list[int]) -> float:
    from sacrebleu.metrics import BLEU

    correct, total = row[2 : 2 + MAX_ORDER], row[2 + MAX_ORDER :]
    return float(BLEU.compute_bleu(correct, total, row[0], row[1], smooth_method="exp").score)


@cache
def _bleu() -> "BLEU":
    from sacrebleu.metrics import BLEU

    return BLEU(effective_order=True)  # of no effect on the counts; silences a warning on short texts


def _check_number(sent: Sequence[str], received: Sequence[str]) -> None:
    if len(sent) != len(received):
        raise ValueError(f"received: {len(received)} texts given, {len(sent)} expected")
