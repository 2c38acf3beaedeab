"""Cuts inside a language model: who may attend to what, and what crosses at each step."""

import functools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import ceil, log2
from typing import Any

import torch
from torch import nn

from .generation import end_tokens
from .place import Place
from .prompt import Prompt
from .separation import clear_cache, codes_of, separate
from .stack import DecoderStack


class Decoding:
    """The state of one decoder between the start of a prompt and the end of its text.

    Args:
        stack: the decoder.
        places: the cuts inside it.
        generation: "receiver_only" or "feedback".
    """

    def __init__(self, stack: DecoderStack, places: list[Place], generation: str) -> None:
        self.stack, self.places, self.generation = stack, places, generation
        self.depth = max(place.depth for place in places if place.depth is not None)
        vocabulary = getattr(stack.embedding, "num_embeddings", None) or stack.embedding.weight.shape[0]
        self.bits_per_id = ceil(log2(vocabulary))
        self.prompt = Prompt()
        self.past = 0
        self.reset()

    def reset(self) -> None:
        """Forget what went back to the transmitter."""
        self.downlink_bits: torch.Tensor | None = None
        self._clear()

    def start(self, model: nn.Module, inputs: Mapping[str, Any], prompt: Prompt) -> None:
        """Begin with a prompt; ``inputs`` are the arguments of ``generate``."""
        self.prompt, self.past = prompt, 0
        self._clear()
        self._ends = end_tokens(model, inputs) if inputs else torch.tensor([], dtype=torch.int64)

    def _clear(self) -> None:
        self._codes: torch.Tensor | None = None
        self._finished: torch.Tensor | None = None
        self._ends = torch.tensor([], dtype=torch.int64)
        self._masks: dict[tuple[int, int], tuple[Any, torch.Tensor | None]] = {}
        self._num_queries = 0

    def ancestors(self, model: nn.Module) -> list[nn.Module]:
        """Return the modules from the model down to the decoder."""
        names = self.stack.path.split(".") if self.stack.path else []
        return [model.get_submodule(".".join(names[:count])) for count in range(len(names) + 1)]

    @contextmanager
    def insert(self) -> Iterator[None]:
        """Watch embedding, decoder and the layers before the cuts."""
        with ExitStack() as hooks:
            decoder = self.stack.decoder
            hooks.callback(self.stack.embedding.register_forward_pre_hook(self._embed).remove)
            hooks.callback(decoder.register_forward_pre_hook(self._enter, with_kwargs=True).remove)
            hooks.callback(decoder.register_forward_hook(self._leave, with_kwargs=True).remove)
            for index in range(self.depth + 1):
                hook = functools.partial(self._layer, index)
                layer = self.stack.layers[index]
                hooks.callback(layer.register_forward_pre_hook(hook, with_kwargs=True).remove)
            yield

    def crossing(
        self, place: Place, shape: torch.Size, device: torch.device
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Return which tokens cross now (`None`: none) and which are the receiver's own, [batch, num_tokens]."""
        none = torch.zeros(shape, dtype=torch.bool, device=device)
        if not self.past:
            real = self._real(shape, device)
            sent = self._crosses(place, shape, device)
            return sent, real & ~sent
        if self.generation == "receiver_only":
            return None, none
        return none | self._going_on(shape[0], device)[:, None], none

    def _real(self, shape: torch.Size, device: torch.device) -> torch.Tensor:
        mask = self.prompt.attention_mask
        if mask is None:
            return torch.ones(shape, dtype=torch.bool, device=device)
        if mask.shape != shape:
            raise ValueError(f"attention_mask: {list(mask.shape)} given for tokens {list(shape)}")
        return mask.to(device)

    def _crosses(self, place: Place, shape: torch.Size, device: torch.device) -> torch.Tensor:
        """Return which tokens of the prompt cross at a cut."""
        real = self._real(shape, device)
        chosen = place.cut.mask(self.prompt, shape)
        return real if chosen is None else real & chosen.to(device)

    def _going_on(self, batch: int, device: torch.device) -> torch.Tensor:
        """Return which items have not ended, [batch], torch.bool."""
        if self._finished is None:
            return torch.ones(batch, dtype=torch.bool, device=device)
        return ~self._finished.to(device)

    def _embed(self, module: nn.Module, args: Any) -> None:
        """Note the ids that are fed back."""
        ids = args[0] if args else None
        if not self.past or not isinstance(ids, torch.Tensor) or ids.ndim != 2:
            return
        ended = torch.isin(ids, self._ends.to(ids.device)).any(1)
        self._finished = ended if self._finished is None else self._finished | ended

    def _enter(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        """Give the new positions their codes; count what goes back to the transmitter."""
        inputs = kwargs.get("inputs_embeds")
        inputs = kwargs.get("input_ids", args[0] if args else None) if inputs is None else inputs
        if not isinstance(inputs, torch.Tensor):
            raise ValueError("input_ids: missing; the language model needs ids or embeddings")
        shape, device = inputs.shape[:2], inputs.device
        if kwargs.get("input_ids") is not None and kwargs.get("inputs_embeds") is None:
            # The embedding, which runs inside, has not seen these ids yet.
            self._embed(module, (kwargs["input_ids"],))
        self._masks, self._num_queries = {}, shape[1]
        if not self.past:
            self._codes = codes_of([self._crosses(place, shape, device) for place in self.places])
            self._codes = self._codes.masked_fill(~self._real(shape, device), -1)
            return
        if self._codes is None or self._codes.shape != (shape[0], self.past):
            raise ValueError("past_key_values: holds tokens that the bridge has not seen; run the prompt in this block")
        all_cuts = (1 << len(self.places)) - 1
        new = torch.full(shape, 0 if self.generation == "receiver_only" else all_cuts, device=device)
        self._codes = torch.cat([self._codes, new], dim=1)
        if self.generation == "feedback":
            bits = self._going_on(shape[0], device).cpu().to(torch.int64) * self.bits_per_id * shape[1]
            self.downlink_bits = bits if self.downlink_bits is None else self.downlink_bits + bits

    def _leave(self, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        """Leave the prompt's keys and values of the lower layers at the transmitter."""
        cache = kwargs.get("past_key_values")
        cache = getattr(output, "past_key_values", None) if cache is None else cache
        if self.past or cache is None or self.generation != "receiver_only" or self._codes is None:
            return
        for index in range(self.depth + 1):
            clear_cache(cache, index, self._codes_of_layer(index) != 0)

    def _layer(self, index: int, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        """Keep the two sides apart in a layer before a cut."""
        mask, group = kwargs.get("attention_mask"), self._cuts_after(index)
        key = (id(mask), group)
        if key not in self._masks:
            # The mask stays in the entry, so that its id is not given to another.
            self._masks[key] = (mask, self._separated(mask, index, args, kwargs))
        separated = self._masks[key][1]
        return None if separated is None else (args, {**kwargs, "attention_mask": separated})

    def _separated(self, mask: Any, index: int, args: Any, kwargs: Mapping[str, Any]) -> torch.Tensor | None:
        codes = self._codes_of_layer(index)
        real = codes[codes >= 0]
        if real.numel() == 0 or bool((real == real[0]).all()):
            return None
        hidden = args[0] if args else kwargs["hidden_states"]
        return separate(mask, codes, self._num_queries, attention=self.stack.attention, dtype=hidden.dtype)

    def _cuts_after(self, layer: int) -> int:
        """Return a bit for each cut that is not before ``layer``."""
        return sum(1 << i for i, place in enumerate(self.places) if place.depth is not None and place.depth >= layer)

    def _codes_of_layer(self, layer: int) -> torch.Tensor:
        """Return the codes that count in a layer; padding keeps -1."""
        assert self._codes is not None
        return torch.where(self._codes < 0, self._codes, self._codes & self._cuts_after(layer))
