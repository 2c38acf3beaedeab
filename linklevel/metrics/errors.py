"""Error counts and goodput."""

import torch

from ..validation import check_range, check_shape


def bit_errors(sent: torch.Tensor, received: torch.Tensor) -> torch.Tensor:
    """Count the bits of each item that differ.

    Args:
        sent: [batch, num_bits], 0 or 1.
        received: same shape.

    Returns:
        [batch], torch.int64.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> bit_errors(torch.tensor([[0.0, 1.0, 1.0]]), torch.tensor([[0.0, 0.0, 1.0]]))
        tensor([1])
    """
    check_shape("sent", sent, ("batch", "num_bits"))
    check_shape("received", received, tuple(sent.shape))
    return (sent != received).sum(-1)


def symbol_errors(sent: torch.Tensor, received: torch.Tensor, num_bits_per_symbol: int) -> torch.Tensor:
    """Count the groups of ``num_bits_per_symbol`` bits of each item that differ anywhere.

    Args:
        sent: [batch, num_symbols * num_bits_per_symbol], 0 or 1.
        received: same shape.
        num_bits_per_symbol: at least 1.

    Returns:
        [batch], torch.int64.

    Raises:
        ValueError: if the shapes differ or no whole number of symbols fills them.
    """
    check_range("num_bits_per_symbol", num_bits_per_symbol, 1, integer=True)
    check_shape("sent", sent, ("batch", "num_bits"))
    check_shape("received", received, tuple(sent.shape))
    if sent.shape[1] % num_bits_per_symbol:
        raise ValueError(
            f"sent: {sent.shape[1]} bits are no whole number of symbols of {num_bits_per_symbol} bits"
        )
    different = (sent != received).reshape(sent.shape[0], -1, num_bits_per_symbol)
    return different.any(-1).sum(-1)


def block_errors(sent: torch.Tensor, received: torch.Tensor) -> torch.Tensor:
    """Tell for each item whether any bit differs: [batch], torch.int64 of 0 and 1."""
    return (bit_errors(sent, received) > 0).to(torch.int64)


def error_rate(errors: torch.Tensor, totals: torch.Tensor | int) -> float:
    """Return errors over trials, both summed over items; NaN if nothing was tried.

    BER, SER and BLER are this rate of bit, symbol and block errors.

    Args:
        errors: [batch], counts.
        totals: [batch], trials of each item, or one number for all.
    """
    totals = torch.as_tensor(totals).expand(errors.shape)
    trials = int(totals.sum())
    return float(errors.sum()) / trials if trials else float("nan")


def delivered_bits(ok: torch.Tensor, num_bits: torch.Tensor | int) -> torch.Tensor:
    """Return the payload bits of the items that arrived whole, zero for the others.

    Args:
        ok: [batch], torch.bool; the receiver's verdict.
        num_bits: [batch] or one number; payload bits of each item.

    Returns:
        [batch], torch.int64.
    """
    return torch.where(ok, torch.as_tensor(num_bits, device=ok.device), 0)


def goodput(ok: torch.Tensor, num_bits: torch.Tensor | int, channel_uses: torch.Tensor) -> float:
    """Return delivered payload bits over all channel uses spent, bits per channel use.

    Args:
        ok: [batch], torch.bool.
        num_bits: [batch] or one number; payload bits of each item.
        channel_uses: [batch]; ``Reception.channel_uses.total``.

    Example:
        >>> goodput(torch.tensor([True, False]), 100, torch.tensor([50, 50]))
        1.0
    """
    return error_rate(delivered_bits(ok, num_bits), channel_uses)
