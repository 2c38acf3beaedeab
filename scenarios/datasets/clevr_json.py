"""The large JSON files of CLEVR, read record by record."""

import json
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

VERSION = "1.0"
"""The version of CLEVR that can be read, as in the files' ``info``."""

_CHUNK = 1 << 20


class JsonArray:
    """The records of one array in a large JSON object, read one at a time.

    Only their positions in the file are kept, so that the 700,000 questions of CLEVR's training split
    need no gigabytes of memory.

    Args:
        path: file with one JSON object.
        key: its entry that holds the array.

    Raises:
        ValueError: if the file is no such JSON, is cut off, or was made for another version of CLEVR.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.info: Mapping[str, Any] = {}
        self._starts, self._stops = array("q"), array("q")

    def scan(self) -> Iterator[Any]:
        """Go through the file once: yield every record, note where it is, and check ``info``."""
        found, self._starts, self._stops = False, array("q"), array("q")
        with self.path.open(encoding="latin-1", newline="") as file:  # one character a byte: positions are offsets
            text = _Text(file, self.path)
            text.expect("{")
            while text.next_is('"'):
                name = text.value()[0]
                text.expect(":")
                if name != self.key:
                    value = text.value()[0]
                    self.info = value if name == "info" and isinstance(value, dict) else self.info
                else:
                    found = True
                    text.expect("[")
                    while not text.next_is("]"):
                        record, start, stop = text.value()
                        self._starts.append(start)
                        self._stops.append(stop)
                        yield record
                        text.skip_comma()
                    text.expect("]")
                text.skip_comma()
            text.expect("}")
        if not found:
            raise ValueError(f"clevr: {self.path}: has no entry {self.key!r}; expected a CLEVR v{VERSION} file")
        version = str(self.info.get("version"))
        if version != VERSION:
            raise ValueError(f"clevr: {self.path}: version {version!r} in info; only {VERSION!r} can be read")

    def __getitem__(self, index: int) -> Any:
        """Return a record."""
        with self.path.open("rb") as file:
            file.seek(self._starts[index])
            return json.loads(file.read(self._stops[index] - self._starts[index]))


class _Text:
    """A window on a JSON file that slides as values are taken."""

    def __init__(self, file: Any, path: Path) -> None:
        self._file, self._path = file, path
        self._text, self._at, self._dropped = "", 0, 0
        self._decode = json.JSONDecoder().raw_decode

    def _more(self) -> bool:
        chunk = self._file.read(_CHUNK)
        self._dropped += self._at
        self._text, self._at = self._text[self._at :] + chunk, 0
        return bool(chunk)

    def _peek(self) -> str:
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def next_is(self, character: str) -> bool:
        """Return whether this comes next."""
        return self._peek() == character

    def expect(self, character: str) -> None:
        """Pass a character that must come next."""
        if not self.next_is(character):
            got = repr(self._peek()) if self._peek() else "the end of the file"
            raise ValueError(
                f"clevr: {self._path}: {got} at byte {self._dropped + self._at} where {character!r} must be; "
                "the file is damaged or cut off"
            )
        self._at += 1

    def skip_comma(self) -> None:
        """Pass a comma if one comes next."""
        if self.next_is(","):
            self._at += 1

    def value(self) -> tuple[Any, int, int]:
        """Return the next value, and its first and last byte (exclusive)."""
        self._peek()
        while True:
            try:
                value, stop = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._more():
                    continue
                where = self._dropped + self._at
                raise ValueError(
                    f"clevr: {self._path}: no JSON value at byte {where} ({error.msg}); the file is damaged or cut off"
                ) from None
            if stop == len(self._text) and self._more():
                continue
            start, self._at = self._dropped + self._at, stop
            return value, start, self._dropped + stop
