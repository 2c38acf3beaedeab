"""A causal language model in two parts: what crosses passes the first, the receiver runs the second."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..split.masks import block_mask, own_mask, own_positions, sent_mask, sent_positions
from ..split.parts import LowerPart, UpperPart
from ..split.reception import Reception, attention


@dataclass
class Caches:
    """Keys and values of the receiver: of its copy of the first layers, and of the others.

    Args:
        lower: of transformers; `None` without layers.
        upper: of transformers.
        seen: [items, num_cached], torch.bool; which entries of ``upper`` are no padding.
        num_sent: entries of ``upper`` that were received.
    """

    lower: Any
    upper: Any
    seen: torch.Tensor
    num_sent: int


class SplitLanguage(nn.Module):
    """Embedding and first layers, for both sides; the other layers and the head, for the receiver.

    ```
    transmitter   visual tokens [and text] ─► layers 0..L-1 ─► what crosses ─┐
    receiver      its own text ─► embedding ─► its copy of layers 0..L-1 ────┴─► layers L.. ─► norm ─► head
    ```

    The receiver's own text passes the first layers without what was sent, whose keys and values did not cross.
    The two copies of the first layers have the same weights, so there is one module.

    Args:
        model: causal language model of transformers of the Llama, Qwen2 or Gemma families; taken apart.
        num_layers: L, layers before the cut.
        full: whether what is sent sees all of itself (as in PaliGemma); else only what is before it.

    Raises:
        TypeError: for a model of another form.
        ValueError: for a number of layers that leaves none to the receiver.
    """

    def __init__(self, model: Any, num_layers: int, *, full: bool) -> None:
        super().__init__()
        tied = model.lm_head.weight is model.model.embed_tokens.weight
        self.lower, self.upper = LowerPart(model, num_layers), UpperPart(model, num_layers)
        self.full, self.dim = full, int(model.config.hidden_size)
        if tied:
            self.upper.lm_head = None

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the vectors of ids, [..., dim]."""
        decoder: Any = self.lower.decoder
        return decoder.embed_tokens(ids)

    def send(self, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return what crosses, [items, num_sent, dim].

        Args:
            values: same shape; visual tokens and vectors of the text that crosses.
            mask: [items, num_sent], torch.bool; which there are.
        """
        return _run(self.lower, values, sent_mask(mask, full=self.full), sent_positions(mask))[0]

    def receive(
        self, values: torch.Tensor, mask: torch.Tensor, ids: torch.Tensor, segment: torch.Tensor,
        caches: Caches | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Return hidden states of the receiver's texts before the head, [items, length, dim].

        Args:
            values: [items, num_sent, dim], what arrived.
            mask: [items, num_sent], torch.bool.
            ids: [items, length], torch.int64; prompts and answers.
            segment: [items, length], torch.int64; the text that each belongs to, -1 at padding.
            caches: are filled, if given.
        """
        return self._received(values, mask, ids, segment, caches)[0][:, mask.shape[1] :]

    def reception(
        self, values: torch.Tensor, mask: torch.Tensor, ids: torch.Tensor, segment: torch.Tensor
    ) -> Reception:
        """Return the states of all the receiver's layers; arguments as for :meth:`receive`."""
        last, places, inputs = self._received(values, mask, ids, segment, None)
        return Reception(last[:, mask.shape[1] :], inputs, places, mask.shape[1])

    def _received(
        self, values: torch.Tensor, mask: torch.Tensor, ids: torch.Tensor, segment: torch.Tensor,
        caches: Caches | None,
    ) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, ...]]:  # fmt: skip
        """Return the last states of what was sent and of the texts, their positions, and each layer's inputs."""
        places = own_positions(mask, segment)
        lower, upper = (None, None) if caches is None else (caches.lower, caches.upper)
        texts = _run(self.lower, self.embed(ids), own_mask(segment), places, lower)[0]
        whole = torch.cat([values.to(texts.dtype), texts], 1)
        places = torch.cat([sent_positions(mask), places], 1)
        seen = block_mask(mask, segment, full=self.full)
        last, inputs = _run(self.upper, whole, seen, places, upper, states=caches is None)
        return last, places, inputs

    def attention(
        self, reception: Reception, layer: int, item: torch.Tensor, place: torch.Tensor, heads: int
    ) -> torch.Tensor:
        """Return logarithms of the attention of the receiver's tokens to what was sent, [n, heads, num_sent].

        Args:
            reception: of what was sent.
            layer: number of the receiver's layer, from 0 behind the cut.
            item: [n], torch.int64; the item of each token.
            place: [n], torch.int64; its place in the item's texts.
            heads: the first ones that are returned.
        """
        return attention(self.upper.decoder, reception, layer, item, place, heads)

    def caches(self, mask: torch.Tensor, segment: torch.Tensor) -> Caches:
        """Return empty caches for items with one text each; arguments as for :meth:`receive`."""
        from transformers import DynamicCache

        parts: list[Any] = [self.lower.decoder, self.upper.decoder]
        made = [DynamicCache(config=part.config) if len(part.layers) else None for part in parts]
        return Caches(made[0], made[1], torch.cat([mask, segment >= 0], 1), mask.shape[1])

    def further(self, ids: torch.Tensor, caches: Caches) -> torch.Tensor:
        """Return the hidden state of one more token of each item's text, [items, dim], for ids [items]."""
        places = caches.seen.sum(1, keepdim=True)
        caches.seen = torch.cat([caches.seen, torch.ones_like(caches.seen[:, :1])], 1)
        seen = caches.seen[:, None, None, :]
        hidden = _run(self.lower, self.embed(ids[:, None]), seen[..., caches.num_sent :], places, caches.lower)[0]
        return _run(self.upper, hidden, seen, places, caches.upper)[0][:, 0]

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the scores of the next token, [..., vocab_size]."""
        decoder: Any = self.lower.decoder
        head, cap = self.upper.lm_head, self.upper.softcap
        logits = nn.functional.linear(hidden, decoder.embed_tokens.weight) if head is None else head(hidden)
        return logits if cap is None else cap * torch.tanh(logits / cap)


def _run(
    part: Any, values: torch.Tensor, mask: torch.Tensor, places: torch.Tensor, cache: Any = None, *,
    states: bool = False,
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:  # fmt: skip
    """Run the layers of a part on vectors with a mask [items, 1, num_tokens, num_seen].

    Returns:
        the last states, and the inputs of all layers if ``states``.
    """
    decoder = part.decoder
    if not len(decoder.layers) or not values.shape[1]:
        return values, ()
    run = decoder(
        inputs_embeds=values, attention_mask=mask, position_ids=places, past_key_values=cache,
        use_cache=cache is not None, output_hidden_states=states,
    )  # fmt: skip
    return run.last_hidden_state, run.hidden_states[:-1] if states else ()
