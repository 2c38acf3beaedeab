"""What scene graphs of pictures add to the training of answers: the losses ``cells`` and ``referents``."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ...linklevel.tokens import Tokens
from ..scenes.cells import CellHead, cell_targets
from ..scenes.referents import Referents, layers_loss
from ..split.reception import Reception, attention
from ..taichi.batches import Asked, referents_of
from ..taichi.texts import Texts
from .language.model import MultimodalLanguage
from .language.packing import Packed
from .sender import Batch
from .tokenizers.config import TokenizerConfig

NEEDED = {
    "cells": ("cells", "a scene graph in extra['scene']"),
    "referents": ("referent_row", "extra['scene'] and extra['program'], and questions at the receiver"),
}
"""What each loss needs: an entry of a batch, and what of the samples."""


T = TypeVar("T")
_Mark = tuple[Any, ...]


def _mark(batch: Batch) -> _Mark:
    """Return what tells a batch, its draws and whether gradients are wanted from others."""
    return batch["image"], batch.get("seed"), torch.is_grad_enabled()


class Scenes(nn.Module):
    """Tells from each token of a picture what its cell holds, and where the words of a question should look.

    ``cells``: token (row, column) of pooling "grid" is joined of the patches of one cell of the picture, so a linear
    head can be asked whether an object's centre lies in it, and of which values. ``referents``: the first attention
    head of the causal model is to look at the tokens in whose cells the objects lie that a word or step speaks of.

    Args:
        config: of the tokenizer of pictures, with pooling "grid".
        seed: of the initial parameters.
    """

    def __init__(self, config: TokenizerConfig, *, seed: int) -> None:
        super().__init__()
        self.grid = config.cells
        with seeded(seed):
            self.cells = CellHead(config.dim)
        self._sent: tuple[_Mark, Tokens] | None = None
        self._made: tuple[_Mark, Reception] | None = None

    def entries(
        self, items: Sequence[Sequence[Any]], rows: Sequence[Sequence[Asked]], texts: Texts, *, crosses: bool
    ) -> dict[str, torch.Tensor]:  # fmt: skip
        """Return what the losses need, as entries of a batch; nothing for pictures without scene graph.

        Args:
            items: samples of each.
            rows: their prompts and answers.
            texts: of the language model.
            crosses: whether questions do; then no words are at the receiver that could look anywhere.
        """
        first = [item[0] for item in items]
        if not all("scene" in (sample.extra or {}) for sample in first):
            return {}
        seen = [(sample.extra["scene"], sample.inputs["image"].shape[:2]) for sample in first]
        found = {"cells": torch.stack([cell_targets(scene, size, self.grid) for scene, size in seen])}
        if not crosses and all("program" in sample.extra for item in items for sample in item):
            found |= referents_of(rows, items, texts, self.grid)
        return found

    def keep(self, tokens: Tokens, batch: Batch) -> Tokens:
        """Return what crosses of a batch, which is kept until :meth:`losses`: the encoder runs once in a step."""
        if "image" in batch:
            self._sent = (_mark(batch), tokens)
        return tokens

    def hidden(self, language: MultimodalLanguage, parts: Sequence[Packed], batch: Batch) -> torch.Tensor:
        """Return the hidden states of the last part, [items, length, width]; the states of all layers are kept.

        Args:
            language: the receiver's model.
            parts: what it reads: first what was received of a picture, and at last questions and answers.
            batch: they are of; without :meth:`entries` nothing is kept.
        """
        if "referent_row" not in batch:
            return language(parts)
        made = language.reception(parts, num_sent=self.grid[0] * self.grid[1])
        self._made = (_mark(batch), made)
        return made.hidden

    def losses(
        self, language: MultimodalLanguage, batch: Batch, wanted: Collection[str], *,
        sent: Callable[[Batch], Tokens], loss: Callable[[Tokens, Batch], torch.Tensor],
    ) -> dict[str, torch.Tensor]:  # fmt: skip
        """Return the wanted ones of the losses, scalars; 0 where no picture crosses.

        They are of what :meth:`keep` and :meth:`hidden` were last given, if that was of the batch, which frees it.

        Args:
            language: the receiver's model.
            batch: with :meth:`entries`.
            wanted: names; others than those of :data:`NEEDED` do not count.
            sent: gives what crosses of a batch; calls :meth:`keep`.
            loss: of the answers to what arrives; calls :meth:`hidden`.

        Raises:
            ValueError: for a batch of pictures that lacks what a loss needs, naming it.
        """
        names = [name for name in NEEDED if name in wanted]
        if "image" not in batch:
            return {name: torch.zeros((), device=language.marks.device) for name in names}
        for name in names:
            entry, needed = NEEDED[name]
            if entry not in batch:
                raise ValueError(f"losses: {name!r} needs {needed}, as clevr_synth has them")
        found = {}
        if "cells" in names:
            kept = self._kept(self._sent, batch)
            tokens = sent(batch) if kept is None else kept
            found["cells"] = self.cells.loss(tokens.values[:, : self.grid[0] * self.grid[1]], batch["cells"])
        if "referents" in names:
            if self._kept(self._made, batch) is None:
                loss(sent(batch), batch)
            assert self._made is not None
            found["referents"] = self._referents(language, self._made[1], Referents.within(batch))
        self._sent = self._made = None
        return found

    @staticmethod
    def _kept(found: tuple[_Mark, T] | None, batch: Batch) -> T | None:
        """Return what was kept, if it was of this batch."""
        if found is None or any(own is not other for own, other in zip(found[0], _mark(batch), strict=True)):
            return None
        return found[1]

    @staticmethod
    def _referents(language: MultimodalLanguage, made: Reception, referents: Referents) -> torch.Tensor:
        """Return the divergence of attention from what is spoken of, a scalar."""

        def looked(own: Referents, layer: int) -> torch.Tensor:
            return attention(language.model.model, made, layer, own.row, own.place, heads=1)[:, 0]

        return layers_loss(referents, looked, len(made.inputs))
