"""Whisper weights from a CTranslate2 file, renamed for transformers.

The file, little-endian: version (uint32), name of the specification, revision (uint32), number of
variables (uint32); then for each variable its name, rank (uint8), sizes (uint32 each), type (uint8),
number of bytes (uint32) and the values. A name is its length with the closing zero (uint16), the
characters, and the zero. Queries, keys and values of self-attention are one matrix,
``self_attention/linear_0``; the keys and values of cross-attention are ``attention/linear_1``.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

DTYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
VERSION = 6


class _Reader:
    """Reads a file's fields one after the other."""

    def __init__(self, file: Path) -> None:
        self.file, self.data, self.at = file, memoryview(file.read_bytes()), 0

    def take(self, size: int) -> memoryview:
        if self.at + size > len(self.data):
            raise ValueError(f"path: {str(self.file)!r} ends at byte {len(self.data)}, in the middle of a value")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, form: str) -> int:
        return int(struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0])

    def text(self) -> str:
        raw = bytes(self.take(self.number("H")))
        if not raw.endswith(b"\0"):
            raise ValueError(f"path: {str(self.file)!r} is no CTranslate2 file: a name lacks its closing zero")
        return raw[:-1].decode("utf-8", "replace")


def read_ctranslate2(file: str | Path) -> tuple[str, dict[str, np.ndarray]]:
    """Read a CTranslate2 model file.

    Args:
        file: usually called ``model.bin``.

    Returns:
        name of the specification, and the variables by name.

    Raises:
        ValueError: for a file that is cut, of another version, or none of this kind.
    """
    reader = _Reader(Path(file))
    version = reader.number("I")
    if version != VERSION:
        raise ValueError(f"path: {str(file)!r} is no CTranslate2 file of version {VERSION}; it begins with {version}")
    name = reader.text()
    reader.number("I")
    variables = {}
    for _ in range(reader.number("I")):
        key = reader.text()
        shape = [reader.number("I") for _ in range(reader.number("B"))]
        kind, size = reader.number("B"), reader.number("I")
        if kind not in DTYPES or size != np.dtype(DTYPES[kind]).itemsize * int(np.prod(shape)):
            raise ValueError(f"path: {str(file)!r}: variable {key!r} of type {kind}, {shape} has {size} bytes")
        variables[key] = np.frombuffer(reader.take(size), DTYPES[kind]).reshape(shape)
    return name, variables


def whisper_state_dict(file: str | Path) -> dict[str, torch.Tensor]:
    """Return the weights for ``transformers.WhisperForConditionalGeneration``, torch.float32.

    Raises:
        ValueError: for a file that holds another model.
    """
    name, variables = read_ctranslate2(file)
    if name != "WhisperSpec":
        raise ValueError(f"path: {str(file)!r} holds a {name}, a WhisperSpec is needed")
    return {key: torch.from_numpy(np.array(value, np.float32)) for key, value in _renamed(variables)}


def num_layers(state: dict[str, torch.Tensor], side: str) -> int:
    """Return how many layers the "encoder" or "decoder" has."""
    return len({key.split(".")[3] for key in state if key.startswith(f"model.{side}.layers.")})


def _renamed(variables: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    fixed = {
        "decoder/embeddings/weight": "decoder.embed_tokens.weight",
        "encoder/conv1/": "encoder.conv1.",
        "encoder/conv2/": "encoder.conv2.",
    }
    for key, value in variables.items():
        side, _, rest = key.partition("/")
        part, _, last = rest.partition("/")
        if part == "position_encodings":
            yield f"model.{side}.embed_positions.weight", value
        elif part == "layer_norm":
            yield f"model.{side}.layer_norm.{_norm(last)}", value
        elif part.startswith("layer_"):
            yield from _layer(f"model.{side}.layers.{part.removeprefix('layer_')}", last, value)
        else:
            for old, new in fixed.items():
                if key.startswith(old):
                    yield "model." + new + key.removeprefix(old), value
    yield "proj_out.weight", variables["decoder/embeddings/weight"]


def _layer(prefix: str, key: str, value: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    block, part, last = key.split("/")
    attention = {"self_attention": "self_attn", "attention": "encoder_attn"}.get(block)
    if part == "layer_norm":
        norm = "final_layer_norm" if attention is None else f"{attention}_layer_norm"
        yield f"{prefix}.{norm}.{_norm(last)}", value
    elif attention is None:
        yield f"{prefix}.{'fc1' if part == 'linear_0' else 'fc2'}.{last}", value
    else:
        fused = {
            ("self_attention", "linear_0"): ("q_proj", "k_proj", "v_proj"),
            ("self_attention", "linear_1"): ("out_proj",),
            ("attention", "linear_0"): ("q_proj",),
            ("attention", "linear_1"): ("k_proj", "v_proj"),
            ("attention", "linear_2"): ("out_proj",),
        }[block, part]
        for name, piece in zip(fused, np.split(value, len(fused)), strict=True):
            if (name, last) != ("k_proj", "bias"):  # Whisper's keys have none; the file fills it with zeros
                yield f"{prefix}.{attention}.{name}.{last}", piece


def _norm(last: str) -> str:
    return {"gamma": "weight", "beta": "bias"}[last]
