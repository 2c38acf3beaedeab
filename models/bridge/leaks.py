"""Find out whether a model's outputs reach past a cut."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from ...linklevel.accounting import ChannelUses
from ...linklevel.draws import Draws
from ...linklevel.links.base import Reception
from ...linklevel.tokens import Tokens
from .cut import Cut
from .session import Session


class BlockedLink(nn.Module):
    """Delivers zeros, whatever is sent; nothing is charged."""

    def forward(self, tokens: Tokens, snr_db: torch.Tensor, draws: Draws) -> Reception:
        """Return zeros."""
        none = torch.zeros(len(tokens), dtype=torch.int64, device=tokens.values.device)
        return Reception(
            payload=replace(tokens, values=torch.zeros_like(tokens.values)), ok=none > 0,
            channel_uses=ChannelUses(none, none, none, none), snr_db=snr_db.expand(len(tokens)),
        )  # fmt: skip


def check_sealed(model: nn.Module, cuts: list[Cut | str], inputs: Mapping[str, Any]) -> None:
    """Check that what should cross the link reaches the outputs in no other way.

    Runs the model once with its links blocked, and once backwards: then no output may depend on pixels,
    or other real inputs, that a module before the language model encodes, nor on tokens that have to
    cross a cut inside the language model. Finds cuts that the residual stream or a skip connection
    passes by, which tests with particular inputs can miss.

    Args:
        model: the model; it is left as it was.
        cuts: cuts or module paths.
        inputs: keyword arguments of the model's ``forward``, for a batch.

    Raises:
        ValueError: naming the input that gets past the cuts.
    """
    inputs = {
        name: value.detach().clone().requires_grad_() if _is_real(value) else value for name, value in inputs.items()
    }
    session = Session(model, {cut: BlockedLink() for cut in cuts}, draws=Draws(seed=0), snr_db=0.0)
    watched: dict[str, tuple[torch.Tensor, torch.Tensor | None]] = {}
    if any(place.depth is None for place in session.places):
        watched = {name: (value, None) for name, value in inputs.items() if _is_real(value)}
    with ExitStack() as hooks, torch.enable_grad():
        decoding = session._decoding
        if decoding is not None:
            handle = decoding.stack.decoder.register_forward_pre_hook(_watch(watched), with_kwargs=True)
            hooks.callback(handle.remove)
        hooks.enter_context(session.insert())
        outputs = _real_outputs(model(**inputs))
        if decoding is not None and "inputs_embeds" in watched:
            tokens = watched["inputs_embeds"][0]
            inside = [p for p in decoding.places if (p.depth or 0) >= 0]
            cross = [decoding._crosses(p, tokens.shape[:2], tokens.device) for p in inside]
            watched["inputs_embeds"] = (
                tokens,
                torch.stack(cross).any(0) if cross else torch.zeros_like(tokens[..., 0]).bool(),
            )
        _refuse_paths(outputs, watched, session)


def _refuse_paths(
    outputs: list[torch.Tensor], watched: dict[str, tuple[torch.Tensor, torch.Tensor | None]], session: Session
) -> None:
    outputs = [output.double().sum() for output in outputs if output.requires_grad]
    if not outputs or not watched:
        return
    names = list(watched)
    gradients = torch.autograd.grad(sum(outputs), [watched[n][0] for n in names], allow_unused=True)  # type: ignore
    paths = ", ".join(repr(place.cut.module) for place in session.places)
    for name, gradient in zip(names, gradients, strict=True):
        mask = watched[name][1]
        if gradient is not None and bool((gradient if mask is None else gradient[mask]).ne(0).any()):
            raise ValueError(
                f"cut: {name} reaches the output past the cut at {paths} (a residual stream, a skip connection or"
                " a layer that is read before it); cut where all that the receiver needs comes together"
            )


def _watch(watched: dict[str, tuple[torch.Tensor, torch.Tensor | None]]) -> Any:
    def hook(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        embedded = kwargs.get("inputs_embeds")
        if embedded is None:
            embedded = module.get_input_embeddings()(kwargs.get("input_ids", args[0] if args else None))  # type: ignore
        if not embedded.requires_grad:
            embedded = embedded.detach().requires_grad_()
        watched["inputs_embeds"] = (embedded, None)
        kwargs = {k: v for k, v in kwargs.items() if k not in {"input_ids", "inputs_embeds"}}
        return (), {**kwargs, "inputs_embeds": embedded}

    return hook


def _real_outputs(output: Any) -> list[torch.Tensor]:
    logits = getattr(output, "logits", None)
    if logits is not None:
        return [logits]
    if isinstance(output, torch.Tensor):
        return [output]
    items = output.values() if isinstance(output, Mapping) else output
    return [item for item in items if _is_real(item)]


def _is_real(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()
