"""A frozen language model in two parts, and a prompt whose agreed text both sides have computed."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch

from ..split.parts import LowerPart, UpperPart

MAX_KEPT = 2**14
"""Entries that a prompt remembers."""


class FrozenSplit:
    """The parts of a causal language model, without gradients of their own.

    Args:
        model: a causal language model of transformers that :class:`LowerPart` takes.
        tokenizer: of the model.
        num_layers: layers of the lower part.
        sha256: of the weights.
    """

    def __init__(self, model: Any, tokenizer: Any, num_layers: int, *, sha256: str = "") -> None:
        self.lower = LowerPart(model, num_layers).eval().requires_grad_(False)
        self.upper = UpperPart(model, num_layers).eval().requires_grad_(False)
        self.tokenizer, self.sha256 = tokenizer, sha256
        self.dim = int(model.config.hidden_size)
        self.device = next(self.upper.parameters()).device
        self._prompts: dict[tuple[str, ...], Prompt] = {}

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text, without start or end tokens."""
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def prompt(self, before: str, after: str, words: Sequence[str]) -> "Prompt":
        """Return a prompt, the same object for the same texts; see :class:`Prompt`."""
        key = (before, after, *words)
        if key not in self._prompts:
            self._prompts[key] = Prompt(self, before, after, words)
        return self._prompts[key]


class Prompt:
    """Agreed text before and behind what crosses.

    Keys and values of the text before are computed once for each part.

    Args:
        model: the parts.
        before: text before.
        after: text behind.
        words: whose logits count, by their first token with a space before.

    Raises:
        ValueError: for a text without tokens, or words that begin with the same token.
    """

    def __init__(self, model: FrozenSplit, before: str, after: str, words: Sequence[str]) -> None:
        self._model = model
        self._before = self._text("before", before)
        self._behind = self._text("after", after)
        first = [model.ids(f" {word}")[0] for word in words]
        if len(set(first)) < len(first):
            raise ValueError(f"words: {tuple(words)} do not differ in their first token, by which they are compared")
        self._first = torch.tensor(first, device=model.device)
        self._start()
        self._own: dict[int, torch.Tensor] = {}
        self.memory: dict[Hashable, Any] = {}
        """What all systems with this prompt keep: answers, and items of training data."""

    def _text(self, name: str, text: str) -> torch.Tensor:
        ids = self._model.ids(text)
        if not ids:
            raise ValueError(f"{name}: {text!r} given; it needs at least one token")
        return torch.tensor([ids], device=self._model.device)

    @torch.no_grad()
    def _start(self) -> None:
        """Run the agreed text before through both parts."""
        model = self._model
        count = self._before.shape[1]
        everything, positions = _ones(1, count, model.device), torch.arange(count, device=model.device)[None]
        caches = [_cache(part) for part in (model.lower, model.upper)]
        hidden = model.lower(self._before, everything, positions, caches[0])
        model.upper.decoder(
            inputs_embeds=hidden, attention_mask=everything.long(), position_ids=positions, past_key_values=caches[1],
            use_cache=True,
        )  # fmt: skip
        self._lower, self._upper = (_entries(cache) for cache in caches)

    def sent(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the hidden states at the cut, [batch, num_tokens, dim].

        Args:
            ids: [batch, num_tokens], torch.int64, padded on the right.
            mask: [batch, num_tokens], torch.bool.
        """
        if not ids.shape[1]:
            return torch.zeros(len(ids), 0, self._model.dim, device=ids.device)
        count = self._before.shape[1]
        positions = count + torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
        seen = torch.cat([_ones(len(ids), count, ids.device), mask], 1)
        return self._model.lower(ids, seen, positions, _cache(self._model.lower, self._lower, len(ids)))

    def logits(self, received: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the words' logits behind what was received, [batch, num_words].

        Args:
            received: [batch, num_tokens, dim], padded on the right.
            mask: [batch, num_tokens], torch.bool.
        """
        model, batch, width = self._model, len(received), received.shape[1]
        count, behind = self._before.shape[1], self._behind.shape[1]
        lengths = mask.sum(1)
        own = torch.cat([self._after(length) for length in lengths.tolist()])
        inside = torch.arange(width, device=mask.device).expand(batch, width)
        last = lengths[:, None] + torch.arange(behind, device=mask.device)
        seen = torch.cat([_ones(batch, count, mask.device), mask, _ones(batch, behind, mask.device)], 1)
        hidden = model.upper.decoder(
            inputs_embeds=torch.cat([received, own.to(received)], 1), attention_mask=seen.long(),
            position_ids=count + torch.cat([inside, last], 1), use_cache=True,
            past_key_values=_cache(model.upper, self._upper, batch),
        ).last_hidden_state[:, -1]  # fmt: skip
        head = model.upper.lm_head.weight[self._first]
        scores = hidden @ head.T
        softcap = model.upper.softcap
        return scores if softcap is None else softcap * torch.tanh(scores / softcap)

    def remember(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what is kept under a key; ``make`` makes it where it is not there yet."""
        if key not in self.memory:
            if len(self.memory) >= MAX_KEPT:
                self.memory.clear()
            self.memory[key] = make()
        return self.memory[key]

    @torch.no_grad()
    def _after(self, length: int) -> torch.Tensor:
        """Return the receiver's own hidden states of the text behind ``length`` tokens, [1, num_tokens, dim]."""
        if length not in self._own:
            count, behind = self._before.shape[1], self._behind.shape[1]
            positions = count + length + torch.arange(behind, device=self._model.device)[None]
            seen = _ones(1, count + behind, self._model.device)
            cache = _cache(self._model.lower, self._lower, 1)
            self._own[length] = self._model.lower(self._behind, seen, positions, cache)
        return self._own[length]


def _ones(batch: int, count: int, device: torch.device) -> torch.Tensor:
    return torch.ones(batch, count, dtype=torch.bool, device=device)


def _cache(part: Any, entries: Sequence[tuple[torch.Tensor, torch.Tensor]] = (), batch: int = 1) -> Any:
    """Return a key/value cache that holds the same entries for each item of a batch."""
    from transformers import DynamicCache

    cache: Any = DynamicCache(config=part.decoder.config) if len(part.decoder.layers) else None
    for layer, (keys, values) in enumerate(entries):
        cache.update(keys.expand(batch, -1, -1, -1), values.expand(batch, -1, -1, -1), layer)
    return cache


def _entries(cache: Any) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [] if cache is None else [(layer.keys, layer.values) for layer in cache.layers]
