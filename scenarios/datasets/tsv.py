"""Tables in text files: where each row starts, and fields as long as images."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from .stores import UnreadableError


class ByteLines:
    """The lines of a UTF-8 file as text, with the byte at which the next one starts.

    Args:
        file: opened for bytes; lines are read from where it stands.

    Raises:
        UnreadableError: naming the byte that is not UTF-8.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.offset = file.tell()

    def __iter__(self) -> Iterator[str]:
        for line in self.file:
            start, self.offset = self.offset, self.offset + len(line)
            try:
                yield line.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise UnreadableError(f"{self.file.name}, byte {start + error.start}", "not utf-8") from error


@contextmanager
def long_fields() -> Iterator[None]:
    """Allow fields as long as images are."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
