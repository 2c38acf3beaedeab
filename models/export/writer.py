"""Export tokens to shards behind one index."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py

from ...linklevel.files import replaced
from ...linklevel.tokens import Tokens
from ...linklevel.validation import check_range
from .shards import FORMAT, TEXT, check_shard, write_shard

INDEX = "tokens.h5"


def export_tokens(
    folder: str | Path, *, encode: Callable[[range], Tokens], ids: Sequence[str],
    references: Sequence[Sequence[str]], model: str, cut: str, settings: Mapping[str, Any] | None = None,
    batch_size: int = 32, shard_size: int = 1024,
) -> Path:  # fmt: skip
    """Encode every item once and keep the tokens.

    An export that was interrupted goes on where it stopped: shards appear under their name when they
    are complete, and complete ones are not encoded again.

    Args:
        folder: where to put ``tokens.h5``, the index, and ``shards/``.
        encode: from item numbers to their tokens, such as :func:`tokens_at` for a batch.
        ids: name of each item.
        references: answers, labels or captions of each item.
        model: name of the model, with its revision or the hash of its weights.
        cut: where the tokens were taken.
        settings: whatever else the tokens depend on; JSON types.
        batch_size: items encoded at once.
        shard_size: items in a shard.

    Returns:
        path of the index.

    Raises:
        ValueError: for a folder with tokens of another model, cut or data set, or tokens that differ
            in width.
    """
    check_range("batch_size", batch_size, 1, integer=True)
    check_range("shard_size", shard_size, 1, integer=True)
    if len(ids) != len(references) or not len(ids):
        raise ValueError(f"references: {len(references)} given for {len(ids)} ids; at least one, and as many, needed")
    about: dict[str, Any] = {
        "format": FORMAT,
        "model": model,
        "cut": cut,
        "settings": json.dumps(settings or {}, sort_keys=True),
    }
    content = json.dumps([about, list(ids), [list(r) for r in references], shard_size])
    about["fingerprint"] = hashlib.sha256(content.encode()).hexdigest()
    folder = Path(folder)
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    shards = []
    for number, start in enumerate(range(0, len(ids), shard_size)):
        items = range(start, min(start + shard_size, len(ids)))
        path = folder / "shards" / f"{number:05d}.h5"
        if not _finished(path, about["fingerprint"], len(items)):
            own = (ids[start : items.stop], references[start : items.stop])
            write_shard(path, _batches(encode, items, batch_size), *own, {**about, "start": start})
        shards.append((path.name, start, len(items), *check_shard(path, about["fingerprint"], len(items))))
    _write_index(folder / INDEX, shards, ids, references, about)
    return folder / INDEX


def _batches(encode: Callable[[range], Tokens], items: range, batch_size: int) -> Iterator[Tokens]:
    for start in range(items.start, items.stop, batch_size):
        yield encode(range(start, min(start + batch_size, items.stop)))


def _finished(path: Path, fingerprint: str, num_items: int) -> bool:
    """Return whether a shard is complete; one that is missing or damaged is written anew."""
    try:
        check_shard(path, fingerprint, num_items)
    except ValueError as error:
        if "another model" in str(error):
            raise
        return False
    return True


def _write_index(
    path: Path, shards: list[tuple[Any, ...]], ids: Sequence[str], references: Sequence[Sequence[str]],
    about: dict[str, Any],
) -> None:  # fmt: skip
    """Write an HDF5 file whose datasets are windows on the shards.

    Raises:
        ValueError: if shards differ in token width or dtype.
    """
    kinds = {(dim, dtype) for *_, dim, dtype in shards}
    if len(kinds) > 1:
        raise ValueError(f"encode: shards differ in token width or dtype: {sorted(kinds)}")
    dim, dtype = kinds.pop()
    width = max(shard[3] for shard in shards)
    tokens = h5py.VirtualLayout((len(ids), width, dim), dtype)
    mask = h5py.VirtualLayout((len(ids), width), bool)
    for name, start, count, own, _, _ in shards:
        place = slice(start, start + count)
        tokens[place, :own] = h5py.VirtualSource(f"shards/{name}", "tokens", (count, own, dim))
        mask[place, :own] = h5py.VirtualSource(f"shards/{name}", "mask", (count, own))
    with replaced(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(about)
        file.create_virtual_dataset("tokens", tokens, fillvalue=0)
        file.create_virtual_dataset("mask", mask, fillvalue=False)
        file.create_dataset("id", data=list(ids), dtype=TEXT)
        file.create_dataset("references", data=[json.dumps(list(r)) for r in references], dtype=TEXT)
        file.create_dataset("shard/file", data=[shard[0] for shard in shards], dtype=TEXT)
        file.create_dataset("shard/start", data=[shard[1] for shard in shards])
        file.create_dataset("shard/count", data=[shard[2] for shard in shards])
