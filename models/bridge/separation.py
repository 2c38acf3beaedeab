"""Keep the tokens of the two sides apart in the layers before a cut.

Each position of the sequence has a code: which cuts its token has still to cross. In the layers up to
a cut, positions attend to positions with the same code only; positions of the receiver's own and, in
mode ``receiver_only``, generated tokens never see what has yet to cross.
"""

from typing import Any

import torch


def codes_of(crosses: list[torch.Tensor]) -> torch.Tensor:
    """Return one code per position from one mask per cut, [batch, num_tokens], torch.bool each."""
    weights = [mask.to(torch.int64) << index for index, mask in enumerate(crosses)]
    return torch.stack(weights).sum(0)


def separate(mask: Any, codes: torch.Tensor, num_queries: int, *, attention: str, dtype: torch.dtype) -> torch.Tensor:
    """Return an attention mask that keeps positions of different codes apart.

    Args:
        mask: what the model made: `None` (causal), or [batch or 1, 1, num_queries, num_keys], bool or
            additive.
        codes: [batch, num_positions], torch.int64; the last are the queries' own.
        num_queries: positions that the layer computes now.
        attention: name of the attention implementation.
        dtype: of an additive mask that has to be made.

    Raises:
        ValueError: for an attention implementation whose masks cannot be changed.
    """
    if attention not in {"sdpa", "eager"} or not (mask is None or (isinstance(mask, torch.Tensor) and mask.ndim == 4)):
        raise ValueError(
            f"attn_implementation: {attention!r} has no mask that keeps the receiver's tokens apart from those at the"
            " transmitter; load the model with attn_implementation='sdpa' or 'eager'"
        )
    num_keys = codes.shape[1] if mask is None else mask.shape[-1]
    position = torch.arange(codes.shape[1], device=codes.device)
    query, key = position[-num_queries:, None], position[-num_keys:]
    same = (codes[:, -num_queries:, None] == codes[:, None, -num_keys:])[:, None]
    if mask is None:
        mask = (key <= query)[None, None]
        if attention == "eager":
            mask = torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, torch.finfo(dtype).min)
    if mask.dtype == torch.bool:
        # Padding that sees itself has finite values; a row without any key has none.
        return (mask & same) | (key == query)
    return mask.expand(same.shape[0], -1, -1, -1).masked_fill(~same, torch.finfo(mask.dtype).min)


def clear_cache(cache: Any, layer: int, hidden: torch.Tensor) -> None:
    """Take the keys and values of the transmitter's tokens out of a layer's cache.

    Zeros remain in their place, which no later token attends to, so that positions stay right.

    Args:
        cache: the model's ``DynamicCache``.
        layer: index of the layer.
        hidden: [batch, num_positions], torch.bool; the transmitter's positions.

    Raises:
        ValueError: for another kind of cache.
    """
    layers = getattr(cache, "layers", None)
    entry = None if layers is None or layer >= len(layers) else layers[layer]
    if not type(entry).__name__.startswith("Dynamic") or not isinstance(getattr(entry, "keys", None), torch.Tensor):
        raise ValueError(
            f"cache_implementation: {type(cache).__name__} given; a cut inside the language model needs the dynamic"
            " cache"
        )
    assert entry is not None
    keep = hidden[:, -entry.keys.shape[-2] :, None].logical_not()[:, None]
    entry.keys = torch.where(keep, entry.keys, torch.zeros_like(entry.keys))
    entry.values = torch.where(keep, entry.values, torch.zeros_like(entry.values))
