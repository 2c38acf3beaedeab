"""Numbers of weight files in 16, 8 or 6 bits, as they are passed on; what is loaded takes the module's type again.

With 8 or 6 bits each row of a matrix, its first axis, is a row of integers from -127 to 127 or from -31 to 31, and a
scale of its own, so that a number is off by at most 1/254 or 1/62 of the largest in its row. Integers of 6 bits stand
in bytes without gaps. Vectors and small matrices have 16 bits.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch

Bits = Literal[6, 8, 16, 32]
BITS: tuple[Bits, ...] = (6, 8, 16, 32)

SCALE, SHAPE = ":scale", ":shape"
"""Behind a tensor's name: that of the scales of its rows, and that of its shape if its integers have 6 bits."""

SMALLEST = 1024
"""Numbers in a matrix that is worth scales (count)."""

LARGEST = {6: 31, 8: 127}


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
    found = {}
    for name, tensor in tensors.items():
        if name.endswith((SCALE, SHAPE)):
            continue
        whole = _spread(tensor, tensors[name + SHAPE].tolist()) if name + SHAPE in tensors else tensor
        found[name] = _numbers(whole, tensors[name + SCALE]) if name + SCALE in tensors else tensor
    return found


def _packed(name: str, tensor: torch.Tensor, bits: Bits) -> dict[str, torch.Tensor]:
    if bits == 32 or not tensor.is_floating_point():
        return {name: tensor}
    if bits == 16 or tensor.ndim < 2 or tensor.numel() < SMALLEST:
        half = tensor.half()
        if not bool(half.isfinite().all()):
            raise ValueError(f"bits: {name} has numbers past 65504, or none; write it with 32 bits")
        return {name: half}
    rows = tensor.float().flatten(1)
    scale = rows.abs().amax(1) / LARGEST[bits]
    if not bool(scale.isfinite().all()):
        raise ValueError(f"bits: {name} has numbers that are not finite; write it with 32 bits")
    whole = (rows / scale.clamp(min=torch.finfo(torch.float32).tiny)[:, None]).round().to(torch.int8)
    if bits == 8:
        return {name: whole.reshape(tensor.shape), name + SCALE: scale}
    return {name: _dense(whole), name + SCALE: scale, name + SHAPE: torch.tensor(tensor.shape)}


def _numbers(whole: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return (whole.float().flatten(1) * scale[:, None]).reshape(whole.shape)


def _dense(whole: torch.Tensor) -> torch.Tensor:
    """Return integers of 6 bits, [num_rows, num_columns], as bytes [num_rows, ceil(num_columns * 6 / 8)]."""
    eight = np.unpackbits((whole.numpy() + LARGEST[6]).astype(np.uint8)[..., None], axis=-1)
    return torch.from_numpy(np.packbits(eight[..., 2:].reshape(len(whole), -1), axis=-1))


def _spread(dense: torch.Tensor, shape: list[int]) -> torch.Tensor:
    """Return what :func:`_dense` was given, in its shape."""
    rows, columns = shape[0], int(np.prod(shape[1:]))
    six = np.unpackbits(dense.numpy(), axis=-1, count=6 * columns).reshape(rows, columns, 6)
    eight = np.concatenate([np.zeros((rows, columns, 2), np.uint8), six], -1)
    return torch.from_numpy(np.packbits(eight, axis=-1).reshape(shape).astype(np.int8) - np.int8(LARGEST[6]))


def kept_by(below: torch.Tensor | None, tensor: torch.Tensor, bits: Bits) -> bool:
    """Return whether a file's tensor is this one, rounded to ``bits`` or more."""
    return below is not None and any(
        below.to(rounded.dtype).equal(rounded) for wider in BITS if wider >= bits
        for rounded in unpacked(packed({"": tensor}, wider)).values()
    )  # fmt: skip
