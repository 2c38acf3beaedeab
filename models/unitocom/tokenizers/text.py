"""Tokens of text."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ...words import WordTokenizer
from .config import TokenizerConfig
from .continuous import TransformerTokenizer
from .posterior import Posterior


class TextTokenizer(TransformerTokenizer):
    """Texts of known words; inputs are their numbers with an end mark, padded, [batch, max_words], torch.int64.

    Reconstructions are logits [batch, max_words, vocabulary]. The distortion is the cross-entropy in nats, the mean
    over the words of a text and its end; what follows the end does not count.

    Args:
        config: what shapes it.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        self.words = WordTokenizer.load(config.vocabulary)
        super().__init__(config)

    def _ends(self) -> tuple[nn.Module, nn.Module]:
        size, hidden = self.words.vocab_size, self.config.hidden
        return nn.Embedding(size, hidden), nn.Linear(hidden, size)

    def collate(self, contents: Sequence[Any]) -> torch.Tensor:
        """Return the inputs of texts.

        Raises:
            ValueError: for what is no text, a text without words, a word that is not known, or more words than fit.
        """
        rows = torch.full((len(contents), self.config.max_words), self.words.pad)
        for row, text in zip(rows, contents, strict=True):
            if not isinstance(text, str):
                raise ValueError(f"text: {type(text).__name__} given; str is needed")
            ids = self.words.ids(text)
            if not ids or self.words.unknown in ids:
                raise ValueError(f"text: {text!r} has {'unknown' if ids else 'no'} words; see the vocabulary")
            if len(ids) + 1 > self.config.max_words:
                raise ValueError(
                    f"text: {len(ids)} words and an end mark given ({text[:40]!r}...); max_words is"
                    f" {self.config.max_words}"
                )
            row[: len(ids) + 1] = torch.tensor([*ids, self.words.end])
        return rows

    def posterior(self, inputs: torch.Tensor) -> Posterior:
        """Return the distribution of the tokens; words do not attend to padding."""
        return self._posterior(self.encoder(self.stem(inputs), inputs != self.words.pad))

    def distortion(self, inputs: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
        """Return the mean cross-entropy of each text, nats, [batch]."""
        found = nn.functional.cross_entropy(
            reconstruction.transpose(1, 2), inputs, ignore_index=self.words.pad, reduction="none"
        )
        return found.sum(1) / (inputs != self.words.pad).sum(1)

    def contents(self, reconstruction: torch.Tensor) -> list[str]:
        """Return the likeliest words up to the end mark."""
        return [self.words.text(ids) for ids in reconstruction.detach().argmax(-1).tolist()]
