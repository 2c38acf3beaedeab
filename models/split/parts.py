"""The two parts of a decoder-only language model."""

import copy
from typing import Any

import torch
from torch import nn

from ...linklevel.validation import check_range

PER_LAYER = ("layer_types", "no_rope_layers", "mlp_only_layers")
"""Lists in a configuration that have an entry for each layer."""


class LowerPart(nn.Module):
    """Embedding and first layers: ids to hidden states.

    Args:
        model: a causal language model of transformers (Llama, Qwen2, Gemma and their like); copied.
        num_layers: layers that belong to this part, at least 0 and fewer than the model has.

    Raises:
        TypeError: for a model of another form.
        ValueError: for a number of layers that leaves none to the other part.
    """

    def __init__(self, model: Any, num_layers: int) -> None:
        super().__init__()
        check_model(model)
        check_range("num_layers", num_layers, 0, len(model.model.layers) - 1, integer=True)
        self.decoder = _layers_of(model, 0, num_layers)
        self.decoder.embed_tokens = copy.deepcopy(model.model.embed_tokens)
        self.decoder.norm = nn.Identity()

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, position_ids: torch.Tensor, cache: Any = None
    ) -> torch.Tensor:
        """Return hidden states, [batch, num_tokens, dim].

        Args:
            input_ids: [batch, num_tokens], torch.int64.
            attention_mask: [batch, num_cached + num_tokens], torch.bool.
            position_ids: [batch, num_tokens], torch.int64.
            cache: this part's own key/value cache, if any.
        """
        return _run(self.decoder, attention_mask, position_ids, cache, input_ids=input_ids)


class UpperPart(nn.Module):
    """The other layers, the final norm and the head: hidden states to logits.

    Args:
        model: as for :class:`LowerPart`.
        num_layers: layers that belong to the other part.
    """

    def __init__(self, model: Any, num_layers: int) -> None:
        super().__init__()
        check_model(model)
        self.decoder = _layers_of(model, num_layers, len(model.model.layers))
        self.decoder.norm = copy.deepcopy(model.model.norm)
        self.lm_head = copy.deepcopy(model.lm_head)
        self.softcap = getattr(model.config, "final_logit_softcapping", None)

    def forward(
        self, hidden: torch.Tensor, attention_mask: torch.Tensor, position_ids: torch.Tensor, cache: Any = None
    ) -> torch.Tensor:
        """Return logits, [batch, num_tokens, vocab_size]; arguments as for :class:`LowerPart`."""
        logits = self.lm_head(_run(self.decoder, attention_mask, position_ids, cache, inputs_embeds=hidden))
        return logits if self.softcap is None else self.softcap * torch.tanh(logits / self.softcap)


def check_model(model: Any) -> None:
    """Refuse models that are not an embedding, a list of layers, a norm and a head.

    Raises:
        TypeError: naming what is missing.
    """
    inner = getattr(model, "model", None)
    missing = [name for name in ("embed_tokens", "layers", "norm") if not hasattr(inner, name)]
    missing += [name for name in ("lm_head", "config") if not hasattr(model, name)]
    if missing:
        raise TypeError(
            f"model: {type(model).__name__} has no {', '.join(missing)}; a causal language model like those of the"
            " Llama, Qwen2 and Gemma families is needed"
        )


def _layers_of(model: Any, start: int, stop: int) -> Any:
    """Return a copy of the decoder that has some of its layers only, numbered from 0."""
    memo: dict[int, Any] = {}
    inner = model.model
    # Left out of the copy: embedding, norm and the other part's layers.
    for module in (inner.embed_tokens, inner.norm, *inner.layers[:start], *inner.layers[stop:]):
        memo[id(module)] = None
    part = copy.deepcopy(inner, memo)
    part.layers = nn.ModuleList(layer for layer in part.layers if layer is not None)
    part.config = copy.deepcopy(model.config)
    part.config.num_hidden_layers = stop - start
    for name in PER_LAYER:
        if isinstance(getattr(part.config, name, None), (list, tuple)):
            setattr(part.config, name, list(getattr(part.config, name))[start:stop])
    for module in part.modules():
        if isinstance(getattr(module, "layer_idx", None), int):
            module.layer_idx -= start
    return part


def _run(decoder: Any, attention_mask: torch.Tensor, position_ids: torch.Tensor, cache: Any, **inputs: Any) -> Any:
    if not len(decoder.layers) and "input_ids" in inputs:
        return decoder.embed_tokens(inputs["input_ids"])
    return decoder(
        attention_mask=attention_mask.long(), position_ids=position_ids, past_key_values=cache,
        use_cache=cache is not None, **inputs,
    ).last_hidden_state  # fmt: skip
