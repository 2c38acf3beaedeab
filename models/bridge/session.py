"""Bridges at the cuts of a model, for as long as a ``with`` block lasts."""

import functools
import inspect
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from ...linklevel.accounting import ChannelUses
from ...linklevel.draws import Draws
from ...linklevel.validation import check_choice
from .bridge import TokenBridge
from .cut import Cut, as_cut, find_module
from .decoding import Decoding
from .generation import check_generation, refuse_text_decoder
from .items import Layout, layout_of
from .place import Place, add_uses
from .prompt import Prompt, prompt_of
from .stack import decoder_stack
from .values import locate, put, take

GENERATION = ("receiver_only", "feedback")


class Session:
    """A model whose tokens cross links at its cuts; see :func:`bridged`.

    Args:
        model: any PyTorch model.
        cuts: a bridge, or a link, for each cut or module path.
        draws: where fades and noise come from.
        snr_db: scalar or [batch], dB; for bridges without an SNR of their own.
        generation: "receiver_only" or "feedback".
    """

    def __init__(
        self, model: nn.Module, cuts: Mapping[Cut | str, nn.Module], *, draws: Draws,
        snr_db: float | torch.Tensor | None = None, generation: str = "receiver_only",
    ) -> None:  # fmt: skip
        self.model, self.draws, self.snr_db = model, draws, snr_db
        self.generation = check_choice("generation", generation, GENERATION)
        stack = decoder_stack(model)
        self.places: list[Place] = []
        self._modules: list[nn.Module] = []
        for index, (key, link) in enumerate(cuts.items()):
            cut = as_cut(key)
            if any(place.cut.module == cut.module for place in self.places):
                raise ValueError(f"cut: {cut.module!r} is given twice")
            self._modules.append(find_module(model, cut.module))
            depth = None if stack is None else stack.depth(cut.module)
            if stack is None:
                refuse_text_decoder(model, cut.module)
            bridge = link if isinstance(link, TokenBridge) else TokenBridge(link)
            self.places.append(Place(cut, bridge, index, depth))
        inside = [place for place in self.places if place.depth is not None]
        self._decoding = Decoding(stack, inside, self.generation) if stack is not None and inside else None
        self.prompt = Prompt()
        self._generating = False
        self._batch: int | None = None

    def begin(self, draws: Draws, snr_db: float | torch.Tensor | None = None) -> None:
        """Start with a new batch of items: new fades, nothing has been sent yet.

        Args:
            draws: where fades and noise come from.
            snr_db: scalar or [batch], dB; as before if `None`.
        """
        self.draws, self._batch = draws, None
        self.snr_db = self.snr_db if snr_db is None else snr_db
        for place in self.places:
            place.reset()
        if self._decoding is not None:
            self._decoding.reset()

    @property
    def channel_uses(self) -> ChannelUses:
        """What all items have cost since :meth:`begin`, over all cuts.

        Raises:
            ValueError: if nothing has been sent.
        """
        total: ChannelUses | None = None
        for place in self.places:
            total = total if place.uses is None else add_uses(total, place.uses)
        if total is None:
            raise ValueError("channel_uses: nothing has crossed a cut yet")
        return total

    @property
    def downlink_bits(self) -> torch.Tensor:
        """Bits of the token ids that went back to the transmitter, [batch], torch.int64."""
        bits = None if self._decoding is None else self._decoding.downlink_bits
        return torch.zeros(self._batch or 0, dtype=torch.int64) if bits is None else bits

    @contextmanager
    def insert(self) -> Iterator["Session"]:
        """Put the bridges in place; they are gone at the end of the block, whatever happens."""
        with ExitStack() as stack:
            watched = [self.model] if self._decoding is None else self._decoding.ancestors(self.model)
            for module in watched:
                handle = module.register_forward_pre_hook(self._observe, with_kwargs=True)
                stack.callback(handle.remove)
            if self._decoding is not None:
                stack.enter_context(self._decoding.insert())
            for place, module in zip(self.places, self._modules, strict=True):
                hook = functools.partial(self._cross, place)
                stack.callback(module.register_forward_hook(hook, prepend=True).remove)
            if hasattr(self.model, "generate"):
                stack.callback(functools.partial(delattr, self.model, "generate"))
                self.model.generate = functools.partial(self._generate, self.model.generate)  # type: ignore
            yield self

    def _generate(self, generate: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Generate, after a look at what is asked for."""
        inputs = _bind(generate, args, kwargs)
        check_generation(self.model, inputs)
        self.prompt, self._generating = prompt_of(self.model, inputs), True
        if self._decoding is not None:
            self._decoding.start(self.model, inputs, self.prompt)
        try:
            return generate(*args, **kwargs)
        finally:
            self._generating = False

    def _observe(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        """Note what a model is called with, and whether this continues a prompt."""
        cache = kwargs.get("past_key_values")
        past = 0 if cache is None else int(cache.get_seq_length())
        if self._decoding is not None:
            self._decoding.past = past
        if past:
            return
        if module is self.model and not self._generating:
            self.prompt = prompt_of(self.model, _bind(module.forward, args, kwargs))
            if self._decoding is not None:
                self._decoding.start(self.model, {}, self.prompt)
        mask = kwargs.get("attention_mask")
        if isinstance(mask, torch.Tensor) and mask.ndim == 2:
            self.prompt = replace(self.prompt, attention_mask=mask.bool())
        if self._decoding is not None:
            self._decoding.prompt = self.prompt

    def _cross(self, place: Place, module: nn.Module, args: Any, emitted: Any) -> Any:
        """Replace what a module emits by what arrives."""
        path = place.cut.module
        if torch._C._current_graph_task_id() != -1:
            raise ValueError(
                f"gradient_checkpointing: {path!r} runs again in the backward pass and would send its tokens twice;"
                " turn it off for this module"
            )
        keys = locate(emitted, place.cut.value, path)
        tokens = take(emitted, keys, path)
        if place.depth is None or self._decoding is None:
            return put(emitted, keys, self._send_encoded(place, tokens), path)
        if tokens.ndim != 3:
            raise ValueError(f"cut: {path!r} emits {list(tokens.shape)}; [batch, num_tokens, dim] is needed")
        sent, own = self._decoding.crossing(place, tokens.shape[:2], tokens.device)
        if sent is None:
            return None
        # Padding and the receiver's own positions are no gaps on the air: the receiver knows where they are.
        layout = Layout(sent)
        received = layout.unpack(self._send(place, layout.pack(tokens), layout.mask))
        kept = torch.where(own[..., None], tokens, torch.zeros_like(tokens))
        return put(emitted, keys, torch.where(sent[..., None], received, kept), path)

    def _send_encoded(self, place: Place, tokens: torch.Tensor) -> torch.Tensor:
        """Send the tokens of an encoder; items that share its rows or sequence are told apart."""
        cut = place.cut
        layout = layout_of(tokens, self.prompt, cut.rows_per_item, cut.module)
        packed = tokens if layout is None else layout.pack(tokens.reshape(len(tokens), -1, tokens.shape[-1]))
        mask = torch.ones(packed.shape[:2], dtype=torch.bool, device=tokens.device) if layout is None else layout.mask
        padding = self.prompt.attention_mask
        if layout is None and padding is not None and padding.shape == mask.shape and not self._is_vision(cut.module):
            mask = mask & padding.to(mask.device)
        chosen = cut.mask(self.prompt, mask.shape)
        mask = mask if chosen is None else mask & chosen.to(mask.device)
        received = self._send(place, packed, mask)
        return received if layout is None else layout.unpack(received).reshape(tokens.shape)

    def _send(self, place: Place, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if self._batch not in {None, tokens.shape[0]}:
            raise ValueError(
                f"cut: {tokens.shape[0]} items arrive at {place.cut.module!r} after {self._batch} before; call"
                " Session.begin for a new batch"
            )
        self._batch = tokens.shape[0]
        snr_db = self.snr_db if place.bridge.snr_db is None else place.bridge.snr_db
        if snr_db is None:
            raise ValueError(f"snr_db: missing for the cut at {place.cut.module!r}; give it to the bridge or the block")
        return place.send(tokens, mask, snr_db, self.draws)

    def _is_vision(self, path: str) -> bool:
        """Return whether a module of a model with images lies outside its language model."""
        return self.prompt.image_token_id is not None and "language_model" not in path


@contextmanager
def bridged(
    model: nn.Module, cuts: Mapping[Cut | str, nn.Module], *, draws: Draws,
    snr_db: float | torch.Tensor | None = None, generation: str = "receiver_only",
) -> Iterator[Session]:  # fmt: skip
    """Put bridges at the cuts of a model for the length of a ``with`` block.

    Everything that the model computes in the block, or between two calls of :meth:`Session.begin`,
    belongs to the same batch of items: their fades go on, the noise is new in every transmission.
    Gradients pass. At the end of the block no trace is left in the model.

    A cut before the language model (vision encoder, projector) is crossed once. Inside the language
    model, keys and values of the prompt in the layers up to the cut stay at the transmitter:

    * "receiver_only": the prompt crosses once. The receiver continues with its own copy of the lower
      layers, which sees its own and generated tokens only, at their right positions.
    * "feedback": each generated id returns to the transmitter (:attr:`Session.downlink_bits`), which
      sends the token that follows from it; ended items neither send nor count.

    Args:
        model: any PyTorch model; for ``generate``, one of transformers.
        cuts: a bridge, or a link, for each :class:`Cut` or module path.
        draws: where fades and noise come from.
        snr_db: scalar or [batch], dB, Es/N0; for bridges without an SNR of their own.
        generation: "receiver_only" or "feedback".

    Raises:
        ValueError: for a cut that does not exist (the nearest names are listed), or one that the
            model's residual stream passes by.

    Example:
        >>> from tokencom.linklevel.draws import Draws
        >>> from tokencom.linklevel.accounting import ChannelUses
        >>> from tokencom.linklevel.links import Reception
        >>> class Loss(nn.Module):
        ...     def forward(self, tokens, snr_db, draws):
        ...         ones = tokens.num_tokens
        ...         return Reception(replace(tokens, values=0 * tokens.values), ones > 0,
        ...                          ChannelUses(ones, 0 * ones, 0 * ones, ones), snr_db.expand(len(tokens)))
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2, bias=False))
        >>> with bridged(model, {"0": Loss()}, snr_db=10.0, draws=Draws(seed=1)) as session:
        ...     model(torch.randn(1, 3, 4)).abs().sum().item()
        0.0
        >>> session.channel_uses.total.tolist()
        [3]
    """
    session = Session(model, cuts, draws=draws, snr_db=snr_db, generation=generation)
    with session.insert():
        yield session


def _bind(function: Any, args: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments by name."""
    try:
        bound = inspect.signature(function).bind_partial(*args, **kwargs).arguments
    except (TypeError, ValueError):
        return dict(kwargs)
    extra = [name for name, value in bound.items() if isinstance(value, dict) and name.endswith("kwargs")]
    return {**{k: v for k, v in bound.items() if k not in extra}, **{k: v for n in extra for k, v in bound[n].items()}}
