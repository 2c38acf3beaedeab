"""Numbers of weight files in 16 bits or fewer, as they are passed on; what is loaded takes the module's type again.

With 8 bits or fewer each row of a matrix, its first axis, is a row of integers and a scale of its own, so that a number
is off by at most half a step, which is the largest of its row over 127, 31, 15 or 7 with 8, 6, 5 or 4 bits, rounded to
bfloat16. Where a training went on from other weights, the integers are differences from those nearest to these, which
are smaller.
Vectors and small matrices have 16 bits.

With 16 or 32 bits a file is as any other. With fewer it has bytes, torch.uint8: ``index:packed``, JSON text (zlib, RFC
1950) with names, shapes and checksums, then ``integers:packed`` (one stream for each matrix), ``scales:packed`` and
``halves:packed``, what all vectors have one after the other. These are streams of pcodec (standalone format), whose
entropy code takes within some per cent of the room that their frequencies allow.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from math import prod
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch

Bits = Literal[4, 5, 6, 8, 16, 32]
BITS: tuple[Bits, ...] = (4, 5, 6, 8, 16, 32)

INDEX, INTEGERS, SCALES, HALVES = "index:packed", "integers:packed", "scales:packed", "halves:packed"
"""Names of the bytes in a file."""

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
    if bits == 32:
        return dict(tensors)
    plain: dict[str, torch.Tensor] = {}
    vectors: dict[str, torch.Tensor] = {}
    matrices: dict[str, tuple[list[int], torch.Tensor, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        held, shape = tensor.detach(), list(tensor.shape)
        if not held.is_floating_point():
            plain[name] = held
        elif bits == 16:
            plain[name] = _half(name, held)
        elif _is_small(held):
            vectors[name] = _half(name, held)
        else:
            scale = _scale(name, held, bits)
            whole = _nearest(held.float().flatten(1), scale) - _expected(below.get(name), shape, scale)
            matrices[name] = shape, scale, whole
    return plain | _written(vectors, matrices)


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
    index, found = _index(tensors), _plain(tensors)
    scales = _cut(_read(tensors, index, SCALES), [shape[0] for _, shape, _ in index["matrices"]])
    for (name, shape, _), scale, whole in zip(index["matrices"], scales, _streams(tensors, index), strict=True):
        step = torch.from_numpy(scale.view(np.int16)).view(torch.bfloat16).float()
        difference = torch.from_numpy(whole.astype(np.int8)).reshape(shape[0], -1)
        found[name] = _restored(difference + _expected(below.get(name), shape, step), step, shape)
    halves = _cut(_read(tensors, index, HALVES), [prod(shape) for _, shape in index["vectors"]])
    for (name, shape), half in zip(index["vectors"], halves, strict=True):
        found[name] = torch.from_numpy(half.view(np.float16).copy()).reshape(shape)
    return found


def names_of(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """Return the names of the tensors that are in a file.

    Raises:
        ValueError: for bytes that are damaged.
    """
    index = _index(tensors)
    return [*_plain(tensors), *(entry[0] for entry in (*index["matrices"], *index["vectors"]))]


def kept_by(below: torch.Tensor | None, tensor: torch.Tensor, bits: Bits) -> bool:
    """Return whether a file's tensor is this one, rounded to ``bits`` or more."""
    return below is not None and any(
        below.to(rounded.dtype).equal(rounded)
        for rounded in (_rounded(tensor.detach(), wider) for wider in BITS if wider >= bits)
    )


def _is_small(tensor: torch.Tensor) -> bool:
    return tensor.ndim < 2 or tensor.numel() < SMALLEST


def _rounded(tensor: torch.Tensor, bits: Bits) -> torch.Tensor:
    """Return a tensor as a file gives it back."""
    if bits == 32 or not tensor.is_floating_point():
        return tensor
    if bits == 16 or _is_small(tensor):
        return _half("", tensor)
    scale = _scale("", tensor, bits)
    return _restored(_nearest(tensor.float().flatten(1), scale), scale, tensor.shape)


def _half(name: str, tensor: torch.Tensor) -> torch.Tensor:
    half = tensor.half()
    if not bool(half.isfinite().all()):
        raise ValueError(f"bits: {name} has numbers past 65504, or none; write it with 32 bits")
    return half


def _scale(name: str, tensor: torch.Tensor, bits: Bits) -> torch.Tensor:
    """Return the step of each row, torch.float32 [num_rows]."""
    scale = (tensor.float().flatten(1).abs().amax(1) / LARGEST[bits]).bfloat16().float()
    if not bool(scale.isfinite().all()):
        raise ValueError(f"bits: {name} has numbers that are not finite; write it with 32 bits")
    return scale


def _nearest(rows: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return the integers, torch.int8, nearest to rows [num_rows, num_columns] with their scales."""
    return (rows / scale.clamp(min=torch.finfo(torch.float32).tiny)[:, None]).round().clamp(-127, 127).to(torch.int8)


def _restored(whole: torch.Tensor, scale: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Return the numbers that integers [num_rows, num_columns] with their scales stand for."""
    return (whole.float() * scale[:, None]).reshape(shape)


def _expected(below: torch.Tensor | None, shape: Sequence[int], scale: torch.Tensor) -> torch.Tensor | int:
    """Return the integers that a tensor below would have; 0 if there is none. Differences are modulo 256."""
    if below is None or list(below.shape) != list(shape):
        return 0
    return _nearest(below.float().flatten(1), scale)


def _written(
    vectors: Mapping[str, torch.Tensor], matrices: Mapping[str, tuple[list[int], torch.Tensor, torch.Tensor]]
) -> dict[str, torch.Tensor]:  # fmt: skip
    """Return the bytes of a file: of vectors in 16 bits, and of matrices as shape, scales and integers."""
    if not vectors and not matrices:
        return {}
    streams = [_compressed([whole.flatten().numpy().astype(np.int16)]) for _, _, whole in matrices.values()]
    written = {
        INTEGERS: b"".join(streams),
        SCALES: _compressed([_words(scale.bfloat16()) for _, scale, _ in matrices.values()]),
        HALVES: _compressed([_words(half) for half in vectors.values()]),
    }
    index = {
        "matrices": [(name, matrices[name][0], len(stream)) for name, stream in zip(matrices, streams, strict=True)],
        "vectors": [(name, list(half.shape)) for name, half in vectors.items()],
        "crc32": {name: zlib.crc32(told) for name, told in written.items() if told},
    }
    written[INDEX] = zlib.compress(json.dumps(index, separators=(",", ":")).encode(), 9)
    return {name: torch.frombuffer(bytearray(told), dtype=torch.uint8) for name, told in written.items() if told}


def _words(tensor: torch.Tensor) -> np.ndarray:
    """Return the numbers of a 16-bit type as unsigned integers, one after the other."""
    return tensor.flatten().view(torch.int16).numpy().view(np.uint16)


def _compressed(parts: Sequence[np.ndarray]) -> bytes:
    """Return the stream of arrays one after the other; no bytes where there are no numbers, as pcodec has none."""
    from pcodec import ChunkConfig, DeltaSpec, ModeSpec, standalone

    if not sum(part.size for part in parts):
        return b""
    config = ChunkConfig(compression_level=12, delta_spec=DeltaSpec.no_op(), mode_spec=ModeSpec.classic())
    return standalone.simple_compress(np.concatenate(parts), config)


def _expanded(told: bytes) -> np.ndarray:
    from pcodec import standalone

    return standalone.simple_decompress(told) if told else np.empty(0, np.uint16)


def _plain(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors of a file that are in it as they are."""
    return {name: tensor for name, tensor in tensors.items() if name not in (INDEX, INTEGERS, SCALES, HALVES)}


def _index(tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    if INDEX not in tensors:
        return {"matrices": [], "vectors": [], "crc32": {}}
    try:
        return json.loads(zlib.decompress(tensors[INDEX].numpy().tobytes()))
    except (zlib.error, ValueError) as error:
        raise ValueError(f"{INDEX}: is damaged ({error}); fetch the file again") from error


def _told(tensors: Mapping[str, torch.Tensor], index: Mapping[str, Any], name: str) -> bytes:
    """Return the bytes of a name, which are those that were written."""
    told = tensors[name].numpy().tobytes() if name in tensors else b""
    if zlib.crc32(told) != index["crc32"].get(name, 0):
        raise ValueError(f"{name}: is damaged (checksum); fetch the file again")
    return told


def _read(tensors: Mapping[str, torch.Tensor], index: Mapping[str, Any], name: str) -> np.ndarray:
    return _expanded(_told(tensors, index, name))


def _streams(tensors: Mapping[str, torch.Tensor], index: Mapping[str, Any]) -> list[np.ndarray]:
    """Return the integers of all matrices."""
    told = _told(tensors, index, INTEGERS)
    ends = accumulate((size for *_, size in index["matrices"]), initial=0)
    return [_expanded(told[first:last]) for first, last in pairwise(ends)]


def _cut(numbers: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Return the parts of an array that have these sizes, one after the other."""
    return np.split(numbers, list(accumulate(sizes))[:-1]) if sizes else []
