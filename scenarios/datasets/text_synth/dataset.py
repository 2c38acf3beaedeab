"""The data set of made sentences."""

import zlib
from collections.abc import Sequence

import numpy as np

from ....linklevel.validation import check_choice, check_range
from ..base import Dataset, Sample
from .grammar import FORMS, write_sentence

SPLITS = ("train", "val", "test")
LABELS = ("negative", "positive")

_SHARES = {"train": (0, 1, 2), "val": (3,), "test": (4,)}
"""Which sentences a split may have: their checksum modulo 5, so no sentence is in two splits."""


class TextSynth(Dataset):
    """Makes sentences with an opinion, and its label, "negative" or "positive".

    A grammar writes about eight subjects (restaurant, film, hotel, phone, book, concert, course,
    flight) with negation ("anything but bland", "no one could call it anything but superb"), contrast
    ("although the soup was bad, I loved the meal"), other people's opinions that the writer shares or
    not, comparison, expectations that come true or not, and adjectives that are about something else
    ("on a horrid day"). Words alone say little: logistic regression on counts of words or of word
    pairs stays well under 80 %, while the grammar leaves no doubt about the label. Every second
    sentence is positive, in random order of each two; no sentence is in two splits.

    It shows whether the structure of a sentence arrives and is understood, where SST-2 and IMDB are
    not at hand. It doesn't show anything about spelling, irony, rare words or long texts, and
    accuracies on it don't compare with those on SST-2.

    Samples have ``text``; the family is the form ("plain", "contrast", "quote", "comparison" or
    "expectation"), ``extra["domain"]`` the subject. A sample depends on ``seed``, ``split`` and its
    number only.

    Args:
        num_sentences: number of samples.
        seed: of everything.
        split: "train", "val" or "test".
        forms: names of forms to take, all if `None`. "plain" sentences alone are what a model from nothing can start
            with: a word says more about the label there than in the others.

    Raises:
        ValueError: for a parameter outside its range, or an unknown form.

    Example:
        >>> data = TextSynth(num_sentences=100, seed=0)
        >>> sum(sample.references == ("positive",) for sample in data)
        50
    """

    name = "text_synth"

    def __init__(
        self, *, num_sentences: int = 10000, seed: int = 0, split: str = "train", forms: Sequence[str] | None = None
    ) -> None:
        super().__init__()
        self.num_sentences = check_range("num_sentences", num_sentences, 1, 10**8, integer=True)
        self.seed = check_range("seed", seed, 0, 2**63 - 1, integer=True)
        self.split = check_choice("split", split, SPLITS)
        self.forms = tuple(check_choice("forms", name, tuple(FORMS)) for name in (FORMS if forms is None else forms))
        if not self.forms:
            raise ValueError(f"forms: () is empty; allowed: any of {', '.join(FORMS)}")

    def __len__(self) -> int:
        """Return the number of sentences."""
        return self.num_sentences

    def text(self, index: int) -> str:
        """Return a sentence."""
        return str(self.read(index).inputs["text"])

    def read(self, index: int) -> Sample:
        """Return a sentence with its label."""
        good = (index + int(self._rng(index // 2, 0).integers(2))) % 2
        rng = self._rng(index, 1)
        while True:
            text, form, domain = write_sentence(rng, bool(good), self.forms)
            if zlib.crc32(text.encode()) % 5 in _SHARES[self.split]:
                break
        return Sample(
            id=f"{self.name}/{self.split}/{self.seed}/{index}",
            cluster=index,
            inputs={"text": text},
            references=(LABELS[good],),
            family=form,
            extra={"domain": domain},
        )

    def _rng(self, number: int, stream: int) -> np.random.Generator:
        key = (SPLITS.index(self.split), number, stream)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))
