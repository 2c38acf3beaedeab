"""How many symbols a budget of channel uses leaves for, and what a number of symbols costs."""

import torch

from ..air.base import AirInterface


def uses_of(air: AirInterface, num_symbols: int) -> int:
    """Return the channel uses, pilots included, of an item that sends ``num_symbols``."""
    return int(air.channel_uses(torch.tensor([num_symbols], device=air.device)).total[0])


def symbols_within(air: AirInterface, num_channel_uses: int) -> int:
    """Return the largest number of symbols whose channel uses, pilots included, fit a budget.

    Args:
        air: the air interface; its channel uses never fall with the number of symbols.
        num_channel_uses: budget of an item, complex resource elements.

    Returns:
        0 if the pilots of the first symbol already exceed the budget.
    """
    low, high = 0, num_channel_uses * air.num_streams + 1
    while high - low > 1:
        middle = (low + high) // 2
        if uses_of(air, middle) <= num_channel_uses:
            low = middle
        else:
            high = middle
    return low
