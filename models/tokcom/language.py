"""The server's language model on vectors: what devices sent, then questions and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..decoding import greedy
from ..split.masks import block_mask, own_positions, sent_positions
from ..split.parts import check_model


@dataclass(frozen=True)
class Rows:
    """What the language model reads of a batch.

    Args:
        shared: [items, num_shared, dim]; tokens of devices.
        shared_mask: [items, num_shared], torch.bool.
        own: [items, num_texts, size, dim]; questions and answers.
        own_mask: [items, num_texts, size], torch.bool.
    """

    shared: torch.Tensor
    shared_mask: torch.Tensor
    own: torch.Tensor
    own_mask: torch.Tensor

    @property
    def segment(self) -> torch.Tensor:
        """The number of each own token's text, -1 for padding; [items, num_texts * size], torch.int64."""
        numbers = torch.arange(self.own_mask.shape[1], device=self.own_mask.device)[None, :, None]
        return torch.where(self.own_mask, numbers, -1).flatten(1)


class Language(nn.Module):
    """A causal language model (arXiv 2505.07841, eqs 13-18, where q and v have adapters of low rank).

    Args:
        model: of transformers, of the Llama, Qwen2 or Gemma families.
        full: whether the devices' tokens see all of each other; else only what is before them.

    Raises:
        TypeError: for a model of another form.
    """

    def __init__(self, model: Any, *, full: bool = False) -> None:
        super().__init__()
        check_model(model)
        self.model, self.full, self.dim = model, full, int(model.config.hidden_size)

    @property
    def embedding(self) -> torch.Tensor:
        """The vector of each id, [vocab_size, dim]."""
        return self.model.model.embed_tokens.weight

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the vectors of ids, [..., dim]."""
        return self.model.model.embed_tokens(ids)

    def forward(self, rows: Rows, cache: Any = None) -> torch.Tensor:
        """Return hidden states of the texts, [items, num_texts, size, dim].

        Args:
            rows: what is read.
            cache: of keys and values; is filled, if given.
        """
        items, texts, size, dim = rows.own.shape
        values = torch.cat([rows.shared.to(rows.own.dtype), rows.own.flatten(1, 2)], 1)
        shared, segment = rows.shared_mask, rows.segment
        hidden = self.model.model(
            inputs_embeds=values, attention_mask=block_mask(shared, segment, full=self.full),
            position_ids=torch.cat([sent_positions(shared), own_positions(shared, segment)], 1),
            past_key_values=cache, use_cache=cache is not None,
        ).last_hidden_state  # fmt: skip
        return hidden[:, rows.shared.shape[1] :].reshape(items, texts, size, dim)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the scores of the next token, [..., vocab_size]."""
        return self.model.lm_head(hidden)

    @torch.no_grad()
    def generate(self, rows: Rows, *, ends: Sequence[int], limit: int) -> list[list[int]]:
        """Return the ids that each item's only text is continued by, greedily, without an end mark.

        Args:
            rows: with one text for each item, whose last token there is.
            ends: ids that end an answer.
            limit: most ids.

        Raises:
            ValueError: for several texts of an item, or one whose last token is padding.
        """
        from transformers import DynamicCache

        if rows.own.shape[1] != 1 or not bool(rows.own_mask[:, 0, -1].all()):
            raise ValueError(f"rows.own: shape {list(rows.own.shape)} given; one text is needed that ends in a token")
        cache = DynamicCache(config=self.model.config)
        hidden = self(rows, cache)[:, 0, -1]
        seen = torch.cat([rows.shared_mask, rows.own_mask[:, 0]], 1)

        def further(new: torch.Tensor) -> torch.Tensor:
            nonlocal seen
            places = seen.sum(1, keepdim=True)
            seen = torch.cat([seen, torch.ones_like(seen[:, :1])], 1)
            hidden = self.model.model(
                inputs_embeds=self.embed(new[:, None]), attention_mask=seen[:, None, None, :], position_ids=places,
                past_key_values=cache, use_cache=True,
            ).last_hidden_state[:, 0]  # fmt: skip
            return self.logits(hidden)

        return greedy(self.logits(hidden), further, ends=ends, limit=limit)
