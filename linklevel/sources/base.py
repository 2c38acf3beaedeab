"""The interface of a source codec: an item to bytes, and damaged bytes back to an item."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class Decoded:
    """What a source decoder makes of the bytes it gets.

    Args:
        item: the decoded item, or the codec's fallback.
        damaged: whether the bytes were visibly no intact file. Damage that still decodes, such as
            a wrong pixel, is seen by the link's CRC only.
        fallback: whether ``item`` is the fallback, because nothing could be decoded.
    """

    item: Any
    damaged: bool
    fallback: bool = False


class SourceCodec(ABC):
    """Turns items into bytes within a budget, and bytes that may be damaged into items.

    The two sides share nothing but the constructor's arguments, which count as agreed beforehand.
    """

    name: ClassVar[str]
    """Name of the codec in scenario files."""

    @abstractmethod
    def encode(self, item: Any, max_bytes: int | None = None) -> bytes:
        """Encode an item at the best quality that fits.

        Args:
            item: an image or a text, as the codec takes it.
            max_bytes: budget in bytes; the highest quality if `None`.

        Raises:
            ValueError: if no quality fits (the message names the smallest size), or the item is
                none that this codec takes.
        """

    @abstractmethod
    def key(self, item: Any) -> Hashable:
        """Return what tells an item from every other, to keep its files by."""

    @abstractmethod
    def smallest(self, item: Any) -> int:
        """Return the size in bytes of the smallest file of an item."""

    @abstractmethod
    def reconstruct(self, data: bytes) -> Decoded:
        """Decode bytes as well as they allow; may raise anything on damaged data."""

    @abstractmethod
    def fallback(self) -> Any:
        """Return the declared item that stands in where nothing can be decoded."""

    def decode(self, data: bytes) -> Decoded:
        """Decode bytes that may be damaged; never raises.

        Args:
            data: any bytes.

        Returns:
            The best-effort item, else :meth:`fallback` with both flags set.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self.reconstruct(data)
        except Exception:  # third-party decoders raise whatever damaged bytes lead them to
            return Decoded(self.fallback(), damaged=True, fallback=True)


def too_small(name: str, max_bytes: int, smallest: int) -> ValueError:
    """Return the error of a budget that no quality fits."""
    return ValueError(
        f"max_bytes: {max_bytes} bytes are too few for {name}; the smallest file of this item has"
        f" {smallest} bytes"
    )


class DecodedItems(list[Any]):
    """The items of a batch as a receiver has them, with what became of each.

    Args:
        decoded: one result of :meth:`SourceCodec.decode` for each item.

    Attributes:
        damaged: [batch], numpy.int64 of 0 and 1.
        fallback: [batch], numpy.int64 of 0 and 1.
    """

    def __init__(self, decoded: Sequence[Decoded]) -> None:
        super().__init__(result.item for result in decoded)
        self.damaged = np.array([result.damaged for result in decoded], dtype=np.int64)
        self.fallback = np.array([result.fallback for result in decoded], dtype=np.int64)
