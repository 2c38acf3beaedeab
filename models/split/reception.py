"""Where a causal language model looks in what it received."""

from typing import Any, NamedTuple

import torch


class Reception(NamedTuple):
    """What the receiver's layers made of a batch: what was received, and behind it the receiver's own texts.

    Args:
        hidden: [items, length, dim], last states of the texts.
        inputs: of each layer, [items, num_before + length, dim].
        places: [items, num_before + length], torch.int64; positions.
        num_sent: tokens that were received.
        first: place of the first of them, behind a mark if there is one.
    """

    hidden: torch.Tensor
    inputs: tuple[torch.Tensor, ...]
    places: torch.Tensor
    num_sent: int
    first: int = 0


def attention(
    decoder: Any, reception: Reception, layer: int, item: torch.Tensor, place: torch.Tensor, heads: int
) -> torch.Tensor:  # fmt: skip
    """Return logarithms of the attention of the receiver's texts to what was sent, [n, heads, num_sent].

    The attention to each other token that was sent is relative to all that was sent: the texts' own share of it
    is left out. All that was sent must be there (no padding).

    Args:
        decoder: layers of a language model of transformers of the Llama, Qwen2 or Gemma families.
        reception: what they made of a batch.
        layer: number of the layer, from 0.
        item: [n], torch.int64; the item of each token.
        place: [n], torch.int64; its place in the item's texts.
        heads: the first ones that are returned.
    """
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    block, states = decoder.layers[layer], reception.inputs[layer]
    sent = slice(reception.first, reception.first + reception.num_sent)
    cos, sin = decoder.rotary_emb(states, reception.places)
    normed, own = block.input_layernorm(states), (item, place + states.shape[1] - reception.hidden.shape[1])
    attend = block.self_attn
    width, shared = attend.head_dim, attend.num_key_value_groups
    keys = attend.k_proj(normed[:, sent]).unflatten(-1, (-1, width)).transpose(1, 2)
    query = attend.q_proj(normed[own]).unflatten(-1, (-1, width))[:, :heads, None]
    keys = apply_rotary_pos_emb(keys, keys, cos[:, sent], sin[:, sent])[1]
    query = apply_rotary_pos_emb(query, query, cos[own][:, None], sin[own][:, None])[0]
    keys = keys.repeat_interleave(shared, 1)[:, :heads]
    return (torch.einsum("nhqd,nhkd->nhk", query, keys[item]) * attend.scaling).log_softmax(-1)
