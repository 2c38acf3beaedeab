"""One shard of exported tokens: an HDF5 file that is there when it is whole."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ...linklevel.files import replaced
from ...linklevel.tokens import Tokens

FORMAT = 1
TEXT = h5py.string_dtype()
CHUNK_BYTES = 1 << 18


def write_shard(
    path: Path, batches: Iterator[Tokens], ids: Sequence[str], references: Sequence[Sequence[str]],
    attributes: dict[str, Any],
) -> None:  # fmt: skip
    """Write the tokens of some items.

    ```
    /tokens      [num_items, width, dim], float32, float16 or float64; zero past an item's own
    /mask        [num_items, width], bool
    /id          [num_items]
    /references  [num_items], JSON lists
    ```

    Every chunk has a checksum.

    Raises:
        ValueError: if the batches have another number of items than there are ids, or their widths of
            token differ.
    """
    with replaced(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(attributes)
        file.create_dataset("id", data=list(ids), dtype=TEXT)
        file.create_dataset("references", data=[json.dumps(list(r)) for r in references], dtype=TEXT)
        start = 0
        for batch in batches:
            start = _append(file, batch, start, len(ids))
        if start != len(ids):
            raise ValueError(f"encode: {start} items returned for {len(ids)}")


def _append(file: h5py.File, batch: Tokens, start: int, total: int) -> int:
    values, stop = _array(batch), start + len(batch)
    if stop > total:
        raise ValueError(f"encode: {stop} items returned for {total}")
    width, dim = values.shape[1:]
    if "tokens" not in file:
        rows = max(1, min(total, CHUNK_BYTES // max(1, width * dim * values.itemsize)))
        options: dict[str, Any] = {"fletcher32": True, "maxshape": (total, None, dim)}
        file.create_dataset("tokens", (total, width, dim), values.dtype, chunks=(rows, max(width, 1), dim), **options)
        file.create_dataset(
            "mask", (total, width), bool, chunks=(total, max(width, 1)), fletcher32=True, maxshape=(total, None)
        )
    tokens, mask = file["tokens"], file["mask"]
    if tokens.shape[2] != dim or tokens.dtype != values.dtype:
        raise ValueError(
            f"encode: tokens {dim} wide, {values.dtype}, after tokens {tokens.shape[2]} wide, {tokens.dtype}"
        )
    if width > tokens.shape[1]:
        tokens.resize(width, axis=1)
        mask.resize(width, axis=1)
    tokens[start:stop, :width] = values
    assert batch.mask is not None
    mask[start:stop, :width] = batch.mask.cpu().numpy()
    return stop


def _array(batch: Tokens) -> np.ndarray:
    """Return values as NumPy knows them: bfloat16 widened to float32, which changes no value."""
    assert batch.mask is not None
    values = batch.values.detach().cpu()
    values = values.masked_fill(~batch.mask.cpu()[..., None], 0.0)
    return (values.float() if "bfloat16" in str(values.dtype) else values).numpy()


def check_shard(path: Path, fingerprint: str, num_items: int) -> tuple[int, int, str]:
    """Return width, token width and dtype of a shard.

    Raises:
        ValueError: naming the file, if it is missing, damaged, or of another export.
    """
    try:
        with h5py.File(path, "r") as file:
            found, tokens = str(file.attrs["fingerprint"]), file["tokens"]
            shape, dtype = tokens.shape, str(tokens.dtype)
            fits = file["mask"].shape == shape[:2] and file["id"].shape == (shape[0],) and shape[0] == num_items
    except (OSError, KeyError, ValueError) as error:
        state = "is missing" if not path.exists() else f"is damaged ({error})"
        raise ValueError(f"shard {path}: {state}; start the same export again, it writes this shard anew") from error
    if found != fingerprint:
        raise ValueError(f"shard {path}: holds tokens of another model, cut or data set; export to an empty folder")
    if not fits:
        raise ValueError(f"shard {path}: is damaged (sizes disagree); delete it and start the same export again")
    return shape[1], shape[2], dtype
