"""Rules of spatial streams that every air interface shares."""

import torch


def check_antennas(num_streams: int, num_rx_ant: int, csi: str) -> None:
    """Refuse antenna counts that a linear receiver cannot serve.

    Raises:
        ValueError: for more streams than receive antennas, or several of either without CSI.
    """
    if num_streams > num_rx_ant:
        raise ValueError(f"num_streams: {num_streams} streams given with num_rx_ant={num_rx_ant}; a linear "
                         "equaliser separates at most as many streams as there are receive antennas")
    if csi == "none" and num_rx_ant > 1:
        raise ValueError(f"num_rx_ant: {num_rx_ant} given with csi='none'; antennas cannot be combined "
                         "nor streams separated without CSI, so 1 is allowed")


def data_elements(
    num_symbols: torch.Tensor, num_side: torch.Tensor | None, num_streams: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how many resource elements carry symbols, and how many of them side information.

    Args:
        num_symbols: [batch], torch.int64.
        num_side: [batch], torch.int64; at most ``num_symbols``. None if `None`.
        num_streams: streams that share a resource element.

    Raises:
        ValueError: if an item has more side information than symbols, or a negative count.
    """
    side = torch.zeros_like(num_symbols) if num_side is None else num_side
    if bool(((side < 0) | (side > num_symbols)).any()):
        raise ValueError(f"num_side: {side.tolist()} given for num_symbols {num_symbols.tolist()}; each item "
                         "needs 0 <= num_side <= num_symbols")
    total, side = (-torch.div(-count, num_streams, rounding_mode="floor") for count in (num_symbols, side))
    return total, side
