"""What a bridge has to know about ``generate``: what it refuses, and when an item ends."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

SINGLE = ("num_beams", "num_return_sequences")
ABSENT = ("assistant_model", "prompt_lookup_num_tokens", "prefill_chunk_size", "past_key_values", "custom_generate")


def _setting(model: nn.Module, inputs: Mapping[str, Any], name: str) -> Any:
    """Return a generation setting: of the call, else of its configuration, else of the model's."""
    if inputs.get(name) is not None:
        return inputs[name]
    writer = getattr(model, "language_model", None)
    for owner in (inputs.get("generation_config"), *(getattr(m, "generation_config", None) for m in (model, writer))):
        if getattr(owner, name, None) is not None:
            return getattr(owner, name)
    return None


def check_generation(model: nn.Module, inputs: Mapping[str, Any]) -> None:
    """Refuse ways of generating in which an item would cross more than once, or unseen.

    Raises:
        ValueError: for several beams or sequences per prompt, assisted or chunked generation, a cache
            from an earlier call, or generation without a cache.
    """
    for name in SINGLE:
        if _setting(model, inputs, name) not in {None, 1}:
            raise ValueError(
                f"{name}: {_setting(model, inputs, name)} given; an item crosses the link once, so 1 is allowed with"
                " a bridge"
            )
    for name in ABSENT:
        if _setting(model, inputs, name) is not None:
            raise ValueError(f"{name}: given; it is not possible with a bridge, leave it out")
    if _setting(model, inputs, "use_cache") is False:
        raise ValueError(
            "use_cache: False given; the prompt would cross the link again for every token, so a bridge needs True"
        )


def end_tokens(model: nn.Module, inputs: Mapping[str, Any]) -> torch.Tensor:
    """Return the ids that end a text, [num_ids], torch.int64."""
    ids = _setting(model, inputs, "eos_token_id")
    return torch.as_tensor([] if ids is None else ids, dtype=torch.int64).reshape(-1)


def refuse_text_decoder(model: nn.Module, path: str) -> None:
    """Refuse a cut inside the decoder of an encoder-decoder, which reads the encoder beside the cut.

    Raises:
        ValueError: naming the path.
    """
    for name, module in model.named_modules():
        reads_both = hasattr(module, "encoder") and hasattr(module, "decoder")
        if not reads_both or not getattr(getattr(module, "config", None), "is_encoder_decoder", False):
            continue
        inner = f"{name}." if name else ""
        if path == name or path.startswith((f"{inner}decoder", f"{inner}lm_head")):
            raise ValueError(
                f"cut: {path!r} lies in the decoder of an encoder-decoder model, which also reads the encoder's"
                f" output; cut in or before {inner + 'encoder'!r}"
            )
