"""Numbers of weight files in 16 bits or fewer, as they are passed on; what is loaded takes the module's type again.

With 8 bits or fewer each row of a matrix, its first axis, is a row of integers and a scale of its own, so that a number
is off by at most half a step, which is the largest of its row over 127, 31, 15 or 7 with 8, 6, 5 or 4 bits. The
integers are written with Huffman's code (zlib, RFC 1950), so that frequent ones take less room than the bits say. Where
a training went on from other weights, the integers are differences from those nearest to these, which are smaller.
Vectors and small matrices have 16 bits.
"""

import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch

Bits = Literal[4, 5, 6, 8, 16, 32]
BITS: tuple[Bits, ...] = (4, 5, 6, 8, 16, 32)

SCALE, SHAPE = ":scale", ":shape"
"""Behind a tensor's name: that of the scales of its rows, and that of its shape."""

EMPTY: Mapping[str, torch.Tensor] = MappingProxyType({})
"""Of a file that goes on from no other."""

SMALLEST = 1024
"""Numbers in a matrix that is worth scales (count)."""

LARGEST = {4: 7, 5: 15, 6: 31, 8: 127}
"""Integer that stands for the largest number of a row, by the bits (count)."""


def packed(
    tensors: Mapping[str, torch.Tensor], bits: Bits, below: Mapping[str, torch.Tensor] = EMPTY
) -> dict[str, torch.Tensor]:
    """Return the tensors of a file.

    Args:
        tensors: by name, of any type; integers and truth values stay as they are.
        bits: of a floating-point number: 32 leaves all as it is.
        below: what the file goes on from, by name; of a tensor with the same shape the difference is written.

    Raises:
        ValueError: for a number that is not finite in that many bits.
    """
    found: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        found |= _packed(name, tensor.detach(), bits, below.get(name))
    return found


def unpacked(
    tensors: Mapping[str, torch.Tensor], below: Mapping[str, torch.Tensor] = EMPTY
) -> dict[str, torch.Tensor]:
    """Return the tensors that :func:`packed` was given, rounded; those in integers and scales as torch.float32.

    Args:
        tensors: of a file.
        below: as it was written with.

    Raises:
        ValueError: for integers that are damaged.
    """
    return {
        name: _numbers(name, tensors, below.get(name)) if name + SCALE in tensors else tensors[name]
        for name in names_of(tensors)
    }


def names_of(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """Return the names of the tensors that are in a file."""
    return [name for name in tensors if not name.endswith((SCALE, SHAPE))]


def _packed(name: str, tensor: torch.Tensor, bits: Bits, below: torch.Tensor | None) -> dict[str, torch.Tensor]:
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
    whole = _nearest(rows, scale) - _expected(below, tensor.shape, scale)
    return {name: _written(whole), name + SCALE: scale, name + SHAPE: torch.tensor(tensor.shape)}


def _nearest(rows: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return the integers, torch.int8, nearest to rows [num_rows, num_columns] with their scales."""
    return (rows / scale.clamp(min=torch.finfo(torch.float32).tiny)[:, None]).round().clamp(-127, 127).to(torch.int8)


def _expected(below: torch.Tensor | None, shape: Sequence[int], scale: torch.Tensor) -> torch.Tensor | int:
    """Return the integers that a tensor below would have; 0 if there is none. Differences are modulo 256."""
    if below is None or list(below.shape) != list(shape):
        return 0
    return _nearest(below.float().flatten(1), scale)


def _written(whole: torch.Tensor) -> torch.Tensor:
    """Return integers, torch.int8, as the bytes of their Huffman code, torch.uint8 [num_bytes]."""
    coder = zlib.compressobj(level=9, strategy=zlib.Z_HUFFMAN_ONLY)
    return torch.frombuffer(bytearray(coder.compress(whole.numpy().tobytes()) + coder.flush()), dtype=torch.uint8)


def _numbers(name: str, tensors: Mapping[str, torch.Tensor], below: torch.Tensor | None) -> torch.Tensor:
    try:
        scale, shape = tensors[name + SCALE], tensors[name + SHAPE].tolist()
        told = np.frombuffer(zlib.decompress(tensors[name].numpy().tobytes()), np.int8).reshape(len(scale), -1)
        whole = torch.from_numpy(told.copy()) + _expected(below, shape, scale)
        return (whole.float() * scale[:, None]).reshape(shape)
    except (zlib.error, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name}: its integers are damaged ({error}); fetch the file again") from error


def kept_by(below: torch.Tensor | None, tensor: torch.Tensor, bits: Bits) -> bool:
    """Return whether a file's tensor is this one, rounded to ``bits`` or more."""
    return below is not None and any(
        below.to(rounded.dtype).equal(rounded) for wider in BITS if wider >= bits
        for rounded in unpacked(packed({"": tensor}, wider)).values()
    )  # fmt: skip
