"""The files of a source link's items, each encoded once."""

from collections.abc import Hashable
from typing import Any

from ..sources.base import SourceCodec


class SourceFiles:
    """Keeps what a codec made of each item, so that a sweep over SNR encodes once.

    Args:
        source: the codec.
    """

    def __init__(self, source: SourceCodec) -> None:
        self.source = source
        self._files: dict[tuple[Hashable, int], bytes] = {}
        self._smallest: dict[Hashable, int] = {}

    def smallest(self, item: Any) -> int:
        """Return the size in bytes of the item's smallest file."""
        key = self.source.key(item)
        if key not in self._smallest:
            self._smallest[key] = self.source.smallest(item)
        return self._smallest[key]

    def fitting(self, item: Any, max_bytes: int) -> bytes:
        """Return the item's best file of at most ``max_bytes``."""
        key = self.source.key(item), max_bytes
        if key not in self._files:
            self._files[key] = self.source.encode(item, max_bytes)
        return self._files[key]
