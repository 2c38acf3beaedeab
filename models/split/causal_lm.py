"""A causal language model whose lower layers transmit and whose upper layers receive."""

from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import torch
from torch import nn

from ...linklevel.accounting import ChannelUses
from ...linklevel.draws import Draws
from ...linklevel.validation import check_choice, check_range
from ..bridge.bridge import TokenBridge
from ..bridge.cut import Cut
from ..bridge.items import Layout
from ..bridge.place import Place
from ..bridge.session import GENERATION
from .parts import LowerPart, UpperPart


@dataclass(frozen=True)
class Generated:
    """What a receiver wrote, and what it cost.

    Args:
        sequences: [batch, max_new_tokens], torch.int64; ``pad_token_id`` after the end of an item.
        logits: [batch, max_new_tokens, vocab_size]; what each id was chosen from.
        channel_uses: of the prompt and, in mode "feedback", of all that followed; `None` from
            :meth:`SplitCausalLM.generate_from`, which sends nothing for the prompt, in mode
            "receiver_only".
        downlink_bits: [batch], torch.int64; bits of the ids that went back to the transmitter.
    """

    sequences: torch.Tensor
    logits: torch.Tensor
    channel_uses: ChannelUses | None
    downlink_bits: torch.Tensor


class SplitCausalLM(nn.Module):
    """Embedding and first layers at the transmitter, the rest and the head at the receiver.

    ```
    transmitter   ids ─► embedding ─► layers 0..L-1 ─► link ─┐
    receiver                                                 ├─► layers L.. ─► norm ─► head ─► ids
                  generated ids ─► own copy of layers 0..L-1 ┘   (receiver_only)
    ```

    The two sides are separate modules with separate weights and key/value caches: nothing but what
    the link delivers gets from one to the other. The receiver knows the length of the prompt, which
    a link that charges for it (``length="charged"``) has told it.

    Args:
        model: a causal language model of transformers of the Llama, Qwen2 or Gemma families; copied.
        num_layers: layers L at the transmitter; 0 sends embeddings.
        link: carries the hidden states, :class:`~tokencom.linklevel.tokens.Tokens`.
        generation: "receiver_only", the receiver continues by itself and its copy of the lower layers
            sees generated tokens only, or "feedback", each id returns to the transmitter, which sends
            the hidden state that follows.

    Raises:
        TypeError: for a model of another form.
        ValueError: for a number of layers that leaves none to one side, or an unknown mode.
    """

    def __init__(self, model: Any, num_layers: int, link: nn.Module, *, generation: str = "receiver_only") -> None:
        super().__init__()
        self.generation = check_choice("generation", generation, GENERATION)
        self.transmitter = LowerPart(model, num_layers)
        self.receiver_lower = LowerPart(model, num_layers)
        self.receiver_upper = UpperPart(model, num_layers)
        self.bridge = link if isinstance(link, TokenBridge) else TokenBridge(link)
        self.vocab_size = int(model.config.vocab_size)
        settings = getattr(model, "generation_config", None) or model.config
        self.eos_token_id = getattr(settings, "eos_token_id", None)
        pad = getattr(settings, "pad_token_id", None)
        self.pad_token_id = 0 if pad is None else int(pad)

    def encode(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the transmitter sends for a prompt, [batch, num_tokens, dim].

        Args:
            input_ids: [batch, num_tokens], torch.int64.
            attention_mask: [batch, num_tokens], false at padding (left or right); all true if `None`.
        """
        mask = _mask(input_ids, attention_mask)
        return self.transmitter(input_ids, mask, positions_of(mask))

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None, snr_db: float | torch.Tensor,
        draws: Draws, *, answer_ids: torch.Tensor | None = None, answer_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Return logits for a prompt that crossed and, if given, an answer that the receiver writes.

        In mode "feedback" the answer's hidden states cross with the prompt's, as the transmitter computes
        them from both. Logits of padding mean nothing.

        Args:
            input_ids: [batch, num_tokens], torch.int64; padded on the left if there is an answer.
            attention_mask: [batch, num_tokens]; all true if `None`.
            snr_db: scalar or [batch], dB, Es/N0.
            draws: where fades and noise come from.
            answer_ids: [batch, num_answer_tokens], torch.int64, for training.
            answer_mask: same shape; all true if `None`.

        Returns:
            [batch, num_tokens + num_answer_tokens, vocab_size].
        """
        mask = _mask(input_ids, attention_mask)
        if answer_ids is None:
            received = _send(self._place(), self.encode(input_ids, mask), mask, snr_db, draws)
            return self.receiver_upper(received, mask, positions_of(mask))
        whole = torch.cat([mask, _mask(answer_ids, answer_mask)], 1)
        positions = positions_of(whole)
        if self.generation == "feedback":
            hidden = self.transmitter(torch.cat([input_ids, answer_ids], 1), whole, positions)
            received = _send(self._place(), hidden, whole, snr_db, draws)
            return self.receiver_upper(received, whole, positions)
        start = mask.shape[1]
        received = _send(self._place(), self.encode(input_ids, mask), mask, snr_db, draws)
        own = self.receiver_lower(answer_ids, whole[:, start:], positions[:, start:])
        return self.receiver_upper(torch.cat([received, own], 1), whole, positions)

    @torch.no_grad()
    def generate(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, *,
        snr_db: float | torch.Tensor, draws: Draws, max_new_tokens: int = 20,
    ) -> Generated:  # fmt: skip
        """Send a prompt and let the receiver continue it greedily.

        Args:
            input_ids: [batch, num_tokens], torch.int64, padded on the left.
            attention_mask: [batch, num_tokens]; all true if `None`.
            snr_db: scalar or [batch], dB, Es/N0.
            draws: where fades and noise come from; the fade of an item goes on over its generation.
            max_new_tokens: at least 1.

        Raises:
            ValueError: for a prompt that is padded on the right.
        """
        mask = _mask(input_ids, attention_mask)
        if not bool(mask[:, -1].all()):
            raise ValueError("attention_mask: padded on the right; pad prompts on the left to generate")
        place, cache = self._place(), _cache(self.transmitter)
        hidden = self.transmitter(input_ids, mask, positions_of(mask), cache)
        received = _send(place, hidden, mask, snr_db, draws)
        return self._continue(received, mask, place, cache, snr_db, draws, max_new_tokens)

    @torch.no_grad()
    def generate_from(self, received: torch.Tensor, mask: torch.Tensor, max_new_tokens: int = 20) -> Generated:
        """Continue greedily from hidden states that were received earlier, in mode "receiver_only".

        Args:
            received: [batch, num_tokens, dim].
            mask: [batch, num_tokens], torch.bool; padded on the left.
            max_new_tokens: at least 1.

        Raises:
            ValueError: in mode "feedback", which needs the transmitter.
        """
        if self.generation == "feedback":
            raise ValueError("generation: 'feedback' needs the transmitter; generate_from is for 'receiver_only'")
        return self._continue(received, mask, self._place(), None, 0.0, Draws(seed=0), max_new_tokens)

    def _place(self) -> Place:
        return Place(Cut(module="split"), self.bridge, 0, None)

    def _continue(
        self, received: torch.Tensor, mask: torch.Tensor, place: Place, cache: Any,
        snr_db: float | torch.Tensor, draws: Draws, max_new_tokens: int,
    ) -> Generated:  # fmt: skip
        check_range("max_new_tokens", max_new_tokens, 1, integer=True)
        feedback = self.generation == "feedback"
        lower = self.transmitter if feedback else self.receiver_lower
        cache = cache if feedback else _cache(lower)
        seen = mask if feedback else mask[:, :0]
        upper_cache, position = _cache(self.receiver_upper), mask.sum(1, keepdim=True)
        logits = self.receiver_upper(received, mask, positions_of(mask), upper_cache)[:, -1]
        ended = torch.zeros(len(mask), dtype=torch.bool, device=mask.device)
        bits, ids, scores = torch.zeros(len(mask), dtype=torch.int64), [], []
        while True:
            new = logits.argmax(-1).masked_fill(ended, self.pad_token_id)
            ids.append(new)
            scores.append(logits)
            ended = ended | self._ends(new)
            if len(ids) == max_new_tokens or bool(ended.all()):
                break
            ones = torch.ones_like(mask[:, :1])
            mask, seen = torch.cat([mask, ones], 1), torch.cat([seen, ones], 1)
            hidden = lower(new[:, None], seen, position, cache)
            if feedback:
                bits += (~ended).cpu().long() * ceil(log2(self.vocab_size))
                hidden = _send(place, hidden, ~ended[:, None], snr_db, draws)
            logits = self.receiver_upper(hidden, mask, position, upper_cache)[:, -1]
            position = position + 1
        return Generated(*self._padded(ids, scores, max_new_tokens), place.uses, bits)

    def _padded(
        self, ids: list[torch.Tensor], scores: list[torch.Tensor], length: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        missing = length - len(ids)
        sequences = torch.nn.functional.pad(torch.stack(ids, 1), (0, missing), value=self.pad_token_id)
        return sequences, torch.nn.functional.pad(torch.stack(scores, 1), (0, 0, 0, missing))

    def _ends(self, ids: torch.Tensor) -> torch.Tensor:
        ends = [] if self.eos_token_id is None else self.eos_token_id
        return torch.isin(ids, torch.as_tensor(ends, dtype=torch.int64, device=ids.device).reshape(-1))


def positions_of(mask: torch.Tensor) -> torch.Tensor:
    """Return the position of each token among those that are not padding, [batch, num_tokens], torch.int64."""
    return (mask.long().cumsum(1) - 1).clamp_min(0)


def _mask(ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    if mask is None:
        return torch.ones_like(ids, dtype=torch.bool)
    if mask.shape != ids.shape:
        raise ValueError(f"attention_mask: {list(mask.shape)} given for ids {list(ids.shape)}")
    return mask.bool()


def _cache(part: nn.Module) -> Any:
    """Return an empty key/value cache for a part."""
    from transformers import DynamicCache

    decoder: Any = part.decoder
    return DynamicCache(config=decoder.config) if len(decoder.layers) else None


def _send(
    place: Place, hidden: torch.Tensor, mask: torch.Tensor, snr_db: float | torch.Tensor, draws: Draws
) -> torch.Tensor:
    """Send hidden states without padding; return what arrives, in the same places."""
    layout = Layout(mask)
    return layout.unpack(place.send(layout.pack(hidden), layout.mask, snr_db, draws))
