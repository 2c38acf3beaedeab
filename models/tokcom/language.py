"""The server's language model on vectors: what devices sent, then questions and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ...linklevel.validation import check_range
from ..split.parts import check_model
from .masks import row_mask, row_positions


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
        hidden = self.model.model(
            inputs_embeds=values, attention_mask=row_mask(rows.shared_mask, rows.own_mask, full=self.full),
            position_ids=row_positions(rows.shared_mask, rows.own_mask), past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state  # fmt: skip
        return hidden[:, rows.shared.shape[1] :].reshape(items, texts, size, dim)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the scores of the next token, [..., vocab_size]."""
        return self.model.lm_head(hidden)

    @torch.no_grad()
    def generate(self, rows: Rows, *, ends: Sequence[int], limit: int) -> list[list[int]]:
        """Return the ids that each item's only text is continued by, greedily, without an end mark.

        An item that has ended goes on unseen until all have, which changes no other.

        Args:
            rows: with one text for each item, whose last token there is.
            ends: ids that end an answer.
            limit: most ids.

        Raises:
            ValueError: for several texts of an item, or one whose last token is padding.
        """
        from transformers import DynamicCache

        check_range("limit", limit, 1, integer=True)
        if rows.own.shape[1] != 1 or not bool(rows.own_mask[:, 0, -1].all()):
            raise ValueError(f"rows.own: shape {list(rows.own.shape)} given; one text is needed that ends in a token")
        cache = DynamicCache(config=self.model.config)
        hidden = self(rows, cache)[:, 0, -1]
        seen = torch.cat([rows.shared_mask, rows.own_mask[:, 0]], 1)
        stops = torch.tensor(list(ends), device=hidden.device)
        ended = torch.zeros(len(hidden), dtype=torch.bool, device=hidden.device)
        found: list[torch.Tensor] = []
        while True:
            new = self.logits(hidden).argmax(-1)
            found.append(new)
            ended |= torch.isin(new, stops)
            if bool(ended.all()) or len(found) == limit:
                break
            places = seen.sum(1, keepdim=True)
            seen = torch.cat([seen, torch.ones_like(seen[:, :1])], 1)
            hidden = self.model.model(
                inputs_embeds=self.embed(new[:, None]), attention_mask=seen[:, None, None, :], position_ids=places,
                past_key_values=cache, use_cache=True,
            ).last_hidden_state[:, 0]  # fmt: skip
        listed = torch.stack(found, 1).tolist()
        return [row[: next((n for n, token in enumerate(row) if token in ends), len(row))] for row in listed]
