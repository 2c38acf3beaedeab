"""Similarity of meaning between sentences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ...models.sentence_encoder import SentenceEncoder


def sentence_similarity(sent: Sequence[str], received: Sequence[str], encoder: "SentenceEncoder") -> np.ndarray:
    """Return the cosine between the vectors of each pair of sentences, [batch], float64, -1 to 1.

    Args:
        sent: reference sentences.
        received: equally many.
        encoder: of MiniLM; its values compare only with those of the same weights.

    Raises:
        ValueError: if the two differ in number.
    """
    if len(sent) != len(received):
        raise ValueError(f"received: {len(received)} sentences given, {len(sent)} expected")
    if not len(sent):
        return np.zeros(0)
    texts = sorted({*sent, *received})
    row = {text: number for number, text in enumerate(texts)}
    vectors = encoder(texts).astype(np.float64)
    a, b = (vectors[[row[text] for text in side]] for side in (sent, received))
    return (a * b).sum(axis=1)
