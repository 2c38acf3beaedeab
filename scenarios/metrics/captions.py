"""Captions against several references: BLEU, CIDEr-D and METEOR.

BLEU is sacrebleu's, on lower-case text with its 13a tokens. The COCO programs cut words with Stanford's
PTB tokenizer instead, which needs Java; here :func:`caption_words` takes lower-case words and numbers
without punctuation, so values may differ from published ones by some tenths of a point.
"""

import math
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ...linklevel.metrics import BLEU_STATISTICS

MAX_ORDER = 4
SIGMA = 6.0
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")


def caption_words(caption: str) -> list[str]:
    """Return the words of a caption in lower case, without punctuation.

    Example:
        >>> caption_words("A man's dog -- two tables.")
        ['a', "man's", 'dog', 'two', 'tables']
    """
    return _WORD.findall(caption.lower())


def caption_bleu_statistics(references: Sequence[Sequence[str]], captions: Sequence[str]) -> np.ndarray:
    """Return the statistics of BLEU with several references, [batch, 10], numpy.int64.

    :func:`~tokencom.linklevel.metrics.corpus_bleu` turns their sum into the score.

    Args:
        references: of each item, at least one.
        captions: to judge.

    Raises:
        ValueError: if the two differ in number.
    """
    _check_number(references, captions)
    scorer = _bleu()
    rows = []
    for wanted, caption in zip(references, captions, strict=True):
        score = scorer.sentence_score(caption, list(wanted))
        rows.append([score.sys_len, score.ref_len, *score.counts, *score.totals])
    return np.array(rows, np.int64).reshape(len(rows), len(BLEU_STATISTICS))


class CiderD:
    r"""CIDEr-D of captions (Vedantam, Zitnick and Parikh, "CIDEr", CVPR 2015, section 6), times 10.

    For each n-gram length n = 1...4, with term frequencies h weighted by the logarithm of the number of
    items over the number of items whose references hold the n-gram,

    .. math::
        10 \, e^{-(l(c) - l(s))^2 / (2\sigma^2)} \,
        \frac{\min(g(c), g(s)) \cdot g(s)}{\lVert g(c) \rVert \, \lVert g(s) \rVert}

    averaged over references s and over n, with :math:`\sigma = 6` and lengths l in words. The document
    frequencies come from the references of the whole data set, so that scores add up over batches. (The
    COCO program takes l as the number of bigrams, which changes no difference but that of captions
    without any; this class does the same.)

    Args:
        references: of every item of the data set.

    Example:
        >>> cider = CiderD([["a red ball on grass"], ["two cats sleep on a sofa"], ["an old blue car"]])
        >>> scores = cider([["a red ball on grass"]] * 2, ["a red ball on grass", "an old blue car"])
        >>> scores.round(2).tolist()
        [10.0, 0.0]
    """

    def __init__(self, references: Sequence[Sequence[str]]) -> None:
        self.frequency: Counter[tuple[str, ...]] = Counter()
        for captions in references:
            seen = {gram for caption in captions for grams in _ngrams(caption) for gram in grams}
            self.frequency.update(seen)
        self.log_items = math.log(max(len(references), 1))

    def __call__(self, references: Sequence[Sequence[str]], captions: Sequence[str]) -> np.ndarray:
        """Return the score of each caption, [batch], float64, 0 to 10.

        Raises:
            ValueError: if the two differ in number, or an item has no reference.
        """
        _check_number(references, captions)
        return np.array([self._score(r, c) for r, c in zip(references, captions, strict=True)], np.float64)

    def _score(self, references: Sequence[str], caption: str) -> float:
        if not references:
            raise ValueError("references: an item has none; CIDEr needs at least one")
        vectors = self._weighted(caption)
        total = 0.0
        for reference in references:
            others = self._weighted(reference)
            penalty = math.exp(-((_length(vectors) - _length(others)) ** 2) / (2 * SIGMA**2))
            total += penalty * sum(_similarity(a, b) for a, b in zip(vectors, others, strict=True))
        return 10.0 * total / (MAX_ORDER * len(references))

    def _weighted(self, caption: str) -> list[dict[tuple[str, ...], tuple[float, int]]]:
        """Return for each order the weight and the count of each n-gram."""
        return [
            {
                gram: (count * (self.log_items - math.log(max(self.frequency[gram], 1))), count)
                for gram, count in grams.items()
            }
            for grams in _ngrams(caption)
        ]


def meteor(references: Sequence[Sequence[str]], captions: Sequence[str]) -> np.ndarray:
    """Return the METEOR score of each caption (Denkowski and Lavie, 2014), [batch], 0 to 1.

    METEOR 1.5 is a Java program that the package pycocoevalcap carries; each call starts it, which takes
    some seconds.

    Raises:
        ValueError: telling what to install, if the package or Java is missing.
    """
    _check_number(references, captions)
    if shutil.which("java") is None:
        rule = "needs Java, which is not on the PATH; `apt-get install default-jre-headless`"
        raise ValueError(f"metrics: 'meteor' {rule}")
    try:
        from pycocoevalcap.meteor.meteor import Meteor
    except ImportError as error:
        rule = "needs the package pycocoevalcap (104 MB); `pip install --no-deps pycocoevalcap`"
        raise ValueError(f"metrics: 'meteor' {rule}") from error
    program: Any = Meteor()
    try:
        wanted = {i: [" ".join(caption_words(r)) for r in row] for i, row in enumerate(references)}
        found = {i: [" ".join(caption_words(caption))] for i, caption in enumerate(captions)}
        _, scores = program.compute_score(wanted, found)
    finally:
        process = program.meteor_p
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
        process.kill()
        process.wait()
    return np.array(scores, np.float64)


def _ngrams(caption: str) -> list[Counter[tuple[str, ...]]]:
    words = caption_words(caption)
    return [Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for n in range(1, MAX_ORDER + 1)]


def _length(vectors: list[dict[tuple[str, ...], tuple[float, int]]]) -> int:
    return sum(count for _, count in vectors[1].values())


def _similarity(a: dict[Any, tuple[float, int]], b: dict[Any, tuple[float, int]]) -> float:
    norms = [math.sqrt(sum(weight**2 for weight, _ in vector.values())) for vector in (a, b)]
    if not norms[0] * norms[1]:
        return 0.0
    shared = sum(min(weight, b[gram][0]) * b[gram][0] for gram, (weight, _) in a.items() if gram in b)
    return shared / (norms[0] * norms[1])


@cache
def _bleu() -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(lowercase=True, effective_order=True)  # effective_order only silences a warning


def _check_number(references: Sequence[Sequence[str]], captions: Sequence[str]) -> None:
    if len(references) != len(captions):
        raise ValueError(f"captions: {len(captions)} given, {len(references)} expected")
