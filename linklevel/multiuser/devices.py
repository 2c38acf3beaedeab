"""What belongs to a device among several: its draws, and its entry in a list of values."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..draws import Draws
from ..validation import check_finite

DEVICE = 7
"""First element of the spawn key of a device's draws."""


def draws_of_device(draws: Draws, device: int) -> Draws:
    """Return draws that are independent of those of other devices.

    Args:
        draws: of the round; device 0 has these.
        device: its number, from 0.

    Example:
        >>> draws_of_device(Draws(seed=1), 0) == Draws(seed=1), draws_of_device(Draws(seed=1), 1) == Draws(seed=1)
        (True, False)
    """
    if device == 0:
        return draws
    seed = np.random.SeedSequence(draws.seed, spawn_key=(DEVICE, device)).generate_state(1, np.uint64)[0]
    return dataclasses.replace(draws, seed=int(seed))


def per_device(
    name: str, value: float | torch.Tensor | Sequence[Any], num_devices: int, batch_size: int
) -> torch.Tensor:
    """Give every item and device its value.

    Args:
        name: of the parameter, for messages.
        value: a number or a tensor of no dimension, for all; a tensor [batch], an item's value for all its devices; a
            list or tuple with one entry per device, each a number or [batch]; or a tensor [batch, num_devices].
        num_devices: M.
        batch_size: items.

    Returns:
        [batch, num_devices], torch.float64.

    Raises:
        ValueError: for a list or tensor of another size, NaN or infinity.

    Example:
        >>> per_device("snr_db", [10.0, 4.0], 2, 1).tolist()
        [[10.0, 4.0]]
    """
    if isinstance(value, (list, tuple)):
        if len(value) != num_devices:
            raise ValueError(
                f"{name}: {len(value)} values given for {num_devices} devices; a list has one for each device, and a"
                " number is for all of them"
            )
        columns = [per_device(f"{name}[{m}]", one, 1, batch_size)[:, 0] for m, one in enumerate(value)]
        return torch.stack(columns, 1)
    tensor = torch.as_tensor(value, dtype=torch.float64)
    if tensor.ndim == 1 and len(tensor) == batch_size:
        tensor = tensor[:, None]
    elif tensor.ndim != 0 and tuple(tensor.shape) != (batch_size, num_devices):
        raise ValueError(
            f"{name}: shape {list(tensor.shape)} given for a batch of {batch_size} and {num_devices} devices; a scalar,"
            f" [{batch_size}], [{batch_size}, {num_devices}] or a list of {num_devices} is allowed"
        )
    return check_finite(name, tensor).expand(batch_size, num_devices)
