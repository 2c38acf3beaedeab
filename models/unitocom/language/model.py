"""A causal Transformer that reads words and continuous tokens, and gives the next of either kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ....linklevel.jscc.base import seeded
from ....linklevel.validation import check_choice
from ...split.parts import check_model
from ...split.reception import Reception
from .packing import PADDING, SHARED, Packed, joined, last_of, positions, seen_mask


@dataclass
class Reading:
    """Where a model is in rows that it goes on with, one text in each.

    Args:
        cache: keys and values, of transformers.
        seen: [items, num_cached], torch.bool; which of them are no padding.
    """

    cache: Any
    seen: torch.Tensor


class MultimodalLanguage(nn.Module):
    """A causal language model over packed sequences (arXiv 2507.01728, section on the multimodal language model).

    ```
    words ────────────────► embedding ─┐
    continuous tokens ────► linear ────┼─► causal Transformer ─► hidden states ─► language head  (eqs 15-16)
    <image> </image> ... ─► marks ─────┘                                     └──► diffusion head (eqs 17-19)
    ```

    The diffusion head is no part of it; it takes :meth:`forward`'s hidden states.

    Args:
        model: causal language model of transformers of the Llama, Qwen2 or Gemma families.
        dim: width of a continuous token.
        modalities: of continuous tokens; each has a linear map and marks for its beginning and end.
        seed: of the initial parameters of maps and marks.

    Raises:
        TypeError: for a model of another form.
    """

    def __init__(self, model: Any, *, dim: int, modalities: Sequence[str], seed: int = 0) -> None:
        super().__init__()
        check_model(model)
        self.model, self.dim, self.width = model, dim, int(model.config.hidden_size)
        self.modalities = tuple(modalities)
        with seeded(seed):
            self.readers = nn.ModuleDict({name: nn.Linear(dim, self.width) for name in self.modalities})
            # As large as the vectors of words are.
            scale = float(getattr(model.config, "initializer_range", 0.02))
            self.marks = nn.Parameter(torch.randn(len(self.modalities), 2, self.width) * scale)

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the vectors of words, [..., width]."""
        return self.model.model.embed_tokens(ids)

    def read(self, values: torch.Tensor, modality: str) -> torch.Tensor:
        """Return the vectors of continuous tokens, [..., width].

        Args:
            values: [..., dim], with unit deviation.
            modality: theirs.

        Raises:
            ValueError: for an unknown modality.
        """
        reader = self.readers[check_choice("modality", modality, self.modalities)]
        return reader(values.to(self.marks.dtype))

    def mark(self, modality: str, items: int, *, end: bool = False) -> torch.Tensor:
        """Return the mark of the beginning or end of a modality's tokens, [items, 1, width]."""
        place = self.modalities.index(check_choice("modality", modality, self.modalities))
        return self.marks[place, int(end)].expand(items, 1, -1)

    def received(self, values: torch.Tensor, mask: torch.Tensor, modality: str) -> Packed:
        """Return continuous tokens between their marks, which all texts of a row see.

        Args:
            values: [items, num_tokens, dim].
            mask: [items, num_tokens], torch.bool; which there are.
            modality: theirs.
        """
        items = len(values)
        vectors = [self.mark(modality, items), self.read(values, modality), self.mark(modality, items, end=True)]
        there = nn.functional.pad(mask, (1, 1), value=True)
        return Packed(torch.cat(vectors, 1), torch.where(there, SHARED, PADDING))

    def words(self, ids: torch.Tensor, segment: torch.Tensor) -> Packed:
        """Return words of texts.

        Args:
            ids: [items, length], torch.int64.
            segment: same shape, torch.int64; see :class:`~.packing.Packed`.
        """
        return Packed(self.embed(ids), segment)

    def drawing(self, values: torch.Tensor, modality: str) -> Packed:
        """Return what is read while continuous tokens are generated: the mark, and all of them but the last.

        Args:
            values: [items, num_tokens - 1, dim]; those that are known.
            modality: theirs.
        """
        vectors = torch.cat([self.mark(modality, len(values)), self.read(values, modality)], 1)
        return Packed(vectors, torch.full(vectors.shape[:2], SHARED + 1, device=vectors.device))

    def forward(self, parts: Sequence[Packed]) -> torch.Tensor:
        """Return the hidden states of the last part, [items, length, width].

        Args:
            parts: of the rows, one behind the other.
        """
        return self._run(joined(parts)).last_hidden_state[:, -parts[-1].segment.shape[1] :]

    def reception(self, parts: Sequence[Packed], *, num_sent: int) -> Reception:
        """Return the states of all layers; ``hidden`` is what :meth:`forward` returns.

        Args:
            parts: of the rows, one behind the other; the first is received tokens between their marks.
            num_sent: how many they are.
        """
        rows = joined(parts)
        places = positions(seen_mask(rows.segment))
        run = self._run(rows, states=True)
        return Reception(
            run.last_hidden_state[:, -parts[-1].segment.shape[1] :], run.hidden_states[:-1], places, num_sent, first=1
        )

    def begin(self, parts: Sequence[Packed]) -> tuple[torch.Tensor, Reading]:
        """Return the hidden state of each row's last token, [items, width], and where the model is.

        Args:
            parts: of the rows, with at most one text each.

        Raises:
            ValueError: for a row without tokens.
        """
        from transformers import DynamicCache

        rows = joined(parts)
        reading = Reading(DynamicCache(config=self.model.config), rows.segment != PADDING)
        hidden = self._run(rows, reading.cache).last_hidden_state
        return hidden[torch.arange(len(hidden), device=hidden.device), last_of(rows.segment)], reading

    def further(self, vectors: torch.Tensor, reading: Reading) -> torch.Tensor:
        """Return the hidden state of one more token of each row, [items, width].

        Args:
            vectors: same shape; of words or continuous tokens.
            reading: goes on by one token.
        """
        places = reading.seen.sum(1, keepdim=True)
        reading.seen = nn.functional.pad(reading.seen, (0, 1), value=True)
        return self.model.model(
            inputs_embeds=vectors[:, None], attention_mask=reading.seen[:, None, None, :], position_ids=places,
            past_key_values=reading.cache, use_cache=True,
        ).last_hidden_state[:, 0]  # fmt: skip

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the scores of the next word (eq 15), [..., vocab_size]."""
        return self.model.lm_head(hidden)

    def _run(self, rows: Packed, cache: Any = None, *, states: bool = False) -> Any:
        mask = seen_mask(rows.segment)
        return self.model.model(
            inputs_embeds=rows.vectors, attention_mask=mask, position_ids=positions(mask), past_key_values=cache,
            use_cache=cache is not None, output_hidden_states=states,
        )  # fmt: skip
