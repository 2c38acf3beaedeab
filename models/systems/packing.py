"""Numbers of weight files in 16 or 8 bits, as they are passed on; what is loaded takes the module's type again.

With 8 bits each row of a matrix, its first axis, is a row of integers from -127 to 127 and a scale of its own, so that
a number is off by at most 1/254 of the largest in its row. Vectors and small matrices have 16 bits.
"""

from collections.abc import Mapping
from typing import Literal

import torch

Bits = Literal[8, 16, 32]
BITS: tuple[Bits, ...] = (8, 16, 32)

SCALE = ":scale"
"""Behind a tensor's name: that of the scales of its rows."""

SMALLEST = 1024
"""Numbers in a matrix that is worth scales (count)."""

LARGEST = 127


def packed(tensors: Mapping[str, torch.Tensor], bits: Bits) -> dict[str, torch.Tensor]:
    """Return the tensors of a file.

    Args:
        tensors: by name, of any type; integers and truth values stay as they are.
        bits: of a floating-point number: 32 leaves all as it is.

    Raises:
        ValueError: for a number that is not finite in that many bits.
    """
    found: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        found |= _packed(name, tensor.detach(), bits)
    return found


def unpacked(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors that :func:`packed` was given, rounded; those in integers and scales as torch.float32."""
    return {
        name: _numbers(tensor, tensors[name + SCALE]) if name + SCALE in tensors else tensor
        for name, tensor in tensors.items()
        if not name.endswith(SCALE)
    }


def _packed(name: str, tensor: torch.Tensor, bits: Bits) -> dict[str, torch.Tensor]:
    if bits == 32 or not tensor.is_floating_point():
        return {name: tensor}
    if bits == 16 or tensor.ndim < 2 or tensor.numel() < SMALLEST:
        half = tensor.half()
        if not bool(half.isfinite().all()):
            raise ValueError(f"bits: {name} has numbers past 65504, or none; write it with 32 bits")
        return {name: half}
    rows = tensor.float().flatten(1)
    scale = rows.abs().amax(1) / LARGEST
    if not bool(scale.isfinite().all()):
        raise ValueError(f"bits: {name} has numbers that are not finite; write it with 32 bits")
    whole = (rows / scale.clamp(min=torch.finfo(torch.float32).tiny)[:, None]).round().to(torch.int8)
    return {name: whole.reshape(tensor.shape), name + SCALE: scale}


def _numbers(whole: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return (whole.float().flatten(1) * scale[:, None]).reshape(whole.shape)


def kept_by(below: torch.Tensor | None, tensor: torch.Tensor, bits: Bits) -> bool:
    """Return whether a file's tensor is this one, rounded to ``bits`` or more."""
    return below is not None and any(
        below.to(rounded.dtype).equal(rounded) for wider in BITS if wider >= bits
        for rounded in unpacked(packed({"": tensor}, wider)).values()
    )  # fmt: skip
