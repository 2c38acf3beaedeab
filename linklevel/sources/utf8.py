"""Plain UTF-8."""

from typing import ClassVar

from .base import Decoded, SourceCodec, too_small


class UTF8(SourceCodec):
    """Text as UTF-8 bytes (RFC 3629), without any compression.

    There is one quality only. Bytes that are no UTF-8 decode to U+FFFD; the fallback is the empty
    string.

    Example:
        >>> codec = UTF8()
        >>> codec.decode(codec.encode("naïve"))
        Decoded(item='naïve', damaged=False, fallback=False)
    """

    name: ClassVar[str] = "utf8"

    def encode(self, item: str, max_bytes: int | None = None) -> bytes:
        """Encode a text; see :class:`SourceCodec`.

        Raises:
            TypeError: if the item is no string.
            ValueError: if it does not fit, or holds a surrogate, which UTF-8 has not.
        """
        if not isinstance(item, str):
            raise TypeError(f"item: {type(item).__name__} given, a str expected")
        try:
            data = self.pack(item.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise ValueError(f"item: {item!r} has no UTF-8 encoding ({error.reason})") from error
        if max_bytes is not None and len(data) > max_bytes:
            raise too_small(self.name, max_bytes, len(data))
        return data

    def key(self, item: str) -> str:
        """Return the text itself."""
        return item

    def smallest(self, item: str) -> int:
        """Return the size in bytes of the text's only encoding."""
        return len(self.encode(item))

    def reconstruct(self, data: bytes) -> Decoded:
        """Decode as much as is UTF-8; see :class:`SourceCodec`."""
        raw, intact = self.unpack(data)
        try:
            return Decoded(raw.decode("utf-8"), damaged=not intact)
        except UnicodeDecodeError:
            return Decoded(raw.decode("utf-8", errors="replace"), damaged=True)

    def fallback(self) -> str:
        """Return the empty string."""
        return ""

    def pack(self, raw: bytes) -> bytes:
        """Compress UTF-8 bytes losslessly; here not at all."""
        return raw

    def unpack(self, data: bytes) -> tuple[bytes, bool]:
        """Undo :meth:`pack` as far as possible; say whether the data were intact."""
        return data, True
