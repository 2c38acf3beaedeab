"""Moves tokens between a padded batch and what is on the air."""

import torch


def back_to(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Cast received values to the dtype and device of those sent.

    Raises:
        ValueError: if they do not fit into that dtype.
    """
    result = values.to(like.device, like.dtype)
    if like.dtype == torch.float16 and not bool(torch.isfinite(result.detach()).all()):
        largest = float(values.detach().abs().max())
        raise ValueError(
            f"received tokens: magnitude {largest:.3g} overflows torch.float16 (65504); run the model in"
            " torch.bfloat16 or torch.float32"
        )
    return result


def pack(symbols: torch.Tensor, keep: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Move the kept symbols of every item to the front.

    Args:
        symbols: [batch, num_tokens, symbols_per_token], complex.
        keep: same shape, torch.bool.

    Returns:
        [batch, max kept], complex, zero past each item's own, and [batch], torch.int64.
    """
    count = keep.flatten(1).sum(1)
    width = int(count.max()) if len(count) else 0
    if len(keep) and width == keep[0].numel() and bool((count == width).all()):
        return symbols.flatten(1), count
    sent = torch.arange(width, device=count.device) < count[:, None]
    return symbols.new_zeros(len(symbols), width).masked_scatter(sent, symbols[keep]), count


def unpack(received: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """Undo :func:`pack`: [batch, num_tokens, symbols_per_token], zero where nothing was sent."""
    count = keep.flatten(1).sum(1)
    if keep.numel() and bool((count == keep[0].numel()).all()):
        return received[:, : keep[0].numel()].reshape(keep.shape)
    heard = torch.arange(received.shape[1], device=count.device) < count[:, None]
    return received.new_zeros(keep.shape).masked_scatter(keep, received[heard])
