"""Read exported tokens, shard by shard, when they are asked for."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from ...linklevel.tokens import Tokens
from .shards import FORMAT, check_shard

OPEN_SHARDS = 8


class TokenFile:
    """What :func:`~tokencom.models.export.export_tokens` wrote.

    Ids and references are read at once; tokens when they are asked for, and only those. A shard is
    checked when it is first needed: HDF5 itself would give zeros for one that is missing.

    Args:
        path: of the index, ``tokens.h5``, or of its folder.

    Raises:
        ValueError: naming the file, if it is missing, damaged or of another format.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self.path = path / "tokens.h5" if path.is_dir() else path
        try:
            with h5py.File(self.path, "r") as file:
                found = int(file.attrs["format"])
                if found != FORMAT:
                    raise ValueError(f"of format {found}, this version reads format {FORMAT}")
                self._read(file)
        except (OSError, KeyError, ValueError) as error:
            raise ValueError(f"{self.path}: not an index of exported tokens ({error})") from error
        self._open: dict[int, h5py.File] = {}

    def _read(self, file: h5py.File) -> None:
        self.model, self.cut = str(file.attrs["model"]), str(file.attrs["cut"])
        self.settings: dict[str, Any] = json.loads(str(file.attrs["settings"]))
        self.fingerprint = str(file.attrs["fingerprint"])
        self.ids = tuple(file["id"].asstr()[:])
        self.references = tuple(tuple(json.loads(text)) for text in file["references"].asstr()[:])
        self.shape: tuple[int, int, int] = file["tokens"].shape
        self._files = list(file["shard/file"].asstr()[:])
        self._starts, self._counts = file["shard/start"][:], file["shard/count"][:]

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.ids)

    def __enter__(self) -> "TokenFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the shards that are open."""
        while self._open:
            self._open.popitem()[1].close()

    def tokens(self, items: Sequence[int]) -> Tokens:
        """Return the tokens of some items, as wide as the longest of them.

        Args:
            items: [batch], item numbers.

        Raises:
            IndexError: for a number that there is not.
            ValueError: naming the shard, if it is missing or damaged.
        """
        numbers = np.asarray(items, dtype=np.int64)
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(self)):
            raise IndexError(f"items: {int(numbers.max())} asked for; there are {len(self)}")
        parts = [self._item(int(number)) for number in numbers]
        width = max((int(mask.nonzero()[0].max()) + 1 for _, mask in parts if mask.any()), default=0)
        dtype = parts[0][0].dtype if parts else np.dtype(np.float32)
        values = np.zeros((len(parts), width, self.shape[2]), dtype)
        masks = np.zeros((len(parts), width), bool)
        for row, (value, mask) in enumerate(parts):
            values[row, : len(value[:width])], masks[row, : len(mask[:width])] = value[:width], mask[:width]
        return Tokens(torch.from_numpy(values), torch.from_numpy(masks))

    def _item(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        shard = int(np.searchsorted(self._starts, number, side="right")) - 1
        row = number - int(self._starts[shard])
        file = self._shard(shard)
        try:
            return file["tokens"][row], file["mask"][row]
        except (OSError, KeyError) as error:
            raise ValueError(
                f"shard {self._path(shard)}: is damaged ({error}); delete it and start the same export again"
            ) from error

    def _path(self, shard: int) -> Path:
        return self.path.parent / "shards" / self._files[shard]

    def _shard(self, shard: int) -> h5py.File:
        """Return an open shard; the ones used last stay open."""
        if shard in self._open:
            self._open[shard] = self._open.pop(shard)
            return self._open[shard]
        path = self._path(shard)
        check_shard(path, self.fingerprint, int(self._counts[shard]))
        if len(self._open) >= OPEN_SHARDS:
            self._open.pop(next(iter(self._open))).close()
        self._open[shard] = h5py.File(path, "r")
        return self._open[shard]
