"""Numbers of weight files in 16 bits or fewer, as they are passed on; what is loaded takes the module's type again.

With 8 bits or fewer each row of a matrix, its first axis, is a row of integers and a scale of its own, so that a number
is off by at most half a step, which is the largest of its row over 127, 31, 15 or 7 with 8, 6, 5 or 4 bits, rounded to
bfloat16. Where a training went on from other weights, the integers are differences from those nearest to these, which
are smaller.
Vectors and small matrices have 16 bits.

A matrix ``name`` is the bytes ``name:packed``, torch.uint8: the number of its axes and its shape (32-bit integers), the
scales (bfloat16) and the integers (8 bits each), all little-endian, in Huffman's code (zlib, RFC 1950), so that
frequent integers take less room than the bits say.
"""

import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch

Bits = Literal[4, 5, 6, 8, 16, 32]
BITS: tuple[Bits, ...] = (4, 5, 6, 8, 16, 32)

PACKED = ":packed"
"""Behind the name of a matrix that is in a file as bytes."""

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
        ValueError: for bytes that are damaged.
    """
    found: dict[str, torch.Tensor] = {}
    for key, told in tensors.items():
        name = key.removesuffix(PACKED)
        found[name] = told if name == key else _numbers(name, told, below.get(name))
    return found


def names_of(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """Return the names of the tensors that are in a file."""
    return [key.removesuffix(PACKED) for key in tensors]


def _packed(name: str, tensor: torch.Tensor, bits: Bits, below: torch.Tensor | None) -> dict[str, torch.Tensor]:
    if bits == 32 or not tensor.is_floating_point():
        return {name: tensor}
    if bits == 16 or tensor.ndim < 2 or tensor.numel() < SMALLEST:
        half = tensor.half()
        if not bool(half.isfinite().all()):
            raise ValueError(f"bits: {name} has numbers past 65504, or none; write it with 32 bits")
        return {name: half}
    rows = tensor.float().flatten(1)
    scale = (rows.abs().amax(1) / LARGEST[bits]).bfloat16().float()
    if not bool(scale.isfinite().all()):
        raise ValueError(f"bits: {name} has numbers that are not finite; write it with 32 bits")
    whole = _nearest(rows, scale) - _expected(below, tensor.shape, scale)
    return {name + PACKED: _coded(tensor.shape, scale, whole)}


def _nearest(rows: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return the integers, torch.int8, nearest to rows [num_rows, num_columns] with their scales."""
    return (rows / scale.clamp(min=torch.finfo(torch.float32).tiny)[:, None]).round().clamp(-127, 127).to(torch.int8)


def _expected(below: torch.Tensor | None, shape: Sequence[int], scale: torch.Tensor) -> torch.Tensor | int:
    """Return the integers that a tensor below would have; 0 if there is none. Differences are modulo 256."""
    if below is None or list(below.shape) != list(shape):
        return 0
    return _nearest(below.float().flatten(1), scale)


def _coded(shape: Sequence[int], scale: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """Return the bytes, torch.uint8 [num_bytes], of a shape, scales [num_rows] and integers [num_rows, num_columns]."""
    head = np.array([len(shape), *shape], "<i4").tobytes()
    steps = scale.bfloat16().view(torch.int16).numpy().astype("<i2").tobytes()
    coder = zlib.compressobj(level=9, strategy=zlib.Z_HUFFMAN_ONLY)
    told = coder.compress(head + steps + whole.numpy().tobytes()) + coder.flush()
    return torch.frombuffer(bytearray(told), dtype=torch.uint8)


def _decoded(told: torch.Tensor) -> tuple[list[int], torch.Tensor, torch.Tensor]:
    """Return what :func:`_coded` was given."""
    data = zlib.decompress(told.numpy().tobytes())
    (num_axes,) = np.frombuffer(data, "<i4", 1)
    shape = np.frombuffer(data, "<i4", num_axes, 4).tolist()
    first = 4 + 4 * len(shape)
    steps = np.frombuffer(data, "<i2", shape[0], first).astype(np.int16)
    whole = np.frombuffer(data, np.int8, offset=first + steps.nbytes).reshape(shape[0], -1)
    return shape, torch.from_numpy(steps).view(torch.bfloat16).float(), torch.from_numpy(whole.copy())


def _numbers(name: str, told: torch.Tensor, below: torch.Tensor | None) -> torch.Tensor:
    try:
        shape, scale, whole = _decoded(told)
        return ((whole + _expected(below, shape, scale)).float() * scale[:, None]).reshape(shape)
    except (zlib.error, ValueError, IndexError, RuntimeError) as error:
        raise ValueError(f"{name}: its integers are damaged ({error}); fetch the file again") from error


def kept_by(below: torch.Tensor | None, tensor: torch.Tensor, bits: Bits) -> bool:
    """Return whether a file's tensor is this one, rounded to ``bits`` or more."""
    return below is not None and any(
        below.to(rounded.dtype).equal(rounded) for wider in BITS if wider >= bits
        for rounded in unpacked(packed({"": tensor}, wider)).values()
    )  # fmt: skip
