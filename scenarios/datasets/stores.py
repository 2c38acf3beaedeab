"""Where the files of a data set are: a folder or a tar archive."""

import lzma
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

MOST_UNPACKED = 2 * 1024**3
"""Bytes that a compressed archive may hold; larger ones have to be unpacked first."""

_DAMAGED = (tarfile.TarError, EOFError, OSError, lzma.LZMAError, zlib.error)


class UnreadableError(ValueError):
    """An entry of a data set that is broken or missing.

    Args:
        where: file, and line or key.
        why: what is wrong with it.
    """

    def __init__(self, where: str, why: str) -> None:
        super().__init__(where, why)
        self.where, self.why = where, why

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


class Store:
    """Files below a folder, by relative path with forward slashes.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.damage = ""
        self._listed: dict[str, frozenset[str]] = {}

    def has(self, name: str) -> bool:
        """Tell whether a file is there; a folder is listed once."""
        parent, _, base = name.rpartition("/")
        if parent not in self._listed:
            folder = self.root / parent
            files = (entry.name for entry in folder.iterdir()) if folder.is_dir() else ()
            self._listed[parent] = frozenset(files)
        return base in self._listed[parent]

    def names(self, suffixes: Iterable[str] = ()) -> list[str]:
        """Return all files below, sorted, or those that end in a suffix (lower case, with its dot)."""
        kept = tuple(suffixes)
        files = (path for path in self.root.rglob("*") if not kept or path.suffix.lower() in kept)
        return sorted(path.relative_to(self.root).as_posix() for path in files if path.is_file())

    def where(self, name: str) -> str:
        """Return the name of a file for messages."""
        return str(self.root / name)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            UnreadableError: naming it.
        """
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise UnreadableError(self.where(name), error.strerror or str(error)) from error


class TarStore(Store):
    """Files in a tar archive.

    An uncompressed archive is indexed, and a file in it read when asked for. A compressed one has
    no index and cannot be entered in the middle: it is unpacked once, into memory. What could be
    read of a damaged archive is kept, and :attr:`damage` tells.

    Args:
        root: the archive; gzip, bzip2 and xz are recognised.

    Raises:
        ValueError: if it is no tar archive, or holds more than `MOST_UNPACKED` bytes.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._places: dict[str, tuple[int, int]] = {}
        self._contents: dict[str, bytes] = {}
        self._index()

    def _index(self) -> None:
        try:
            with tarfile.open(self.root, "r:") as archive:
                self._walk(archive, keep=False)
        except tarfile.ReadError:
            try:
                with tarfile.open(self.root, "r|*") as archive:
                    self._walk(archive, keep=True)
            except _DAMAGED as error:
                if not self._contents:
                    raise ValueError(f"{str(self.root)!r} is no readable tar archive ({error})") from error
                self.damage = f"the archive breaks off after {len(self._contents)} files ({error})"

    def _walk(self, archive: tarfile.TarFile, *, keep: bool) -> None:
        total, end = 0, self.root.stat().st_size
        for member in archive:
            name = str(PurePosixPath(member.name))
            if not member.isfile():
                continue
            if not keep:
                if member.offset_data + member.size > end:
                    self.damage = f"the archive breaks off within {name}"
                    break
                self._places[name] = (member.offset_data, member.size)
                continue
            total += member.size
            if total > MOST_UNPACKED:
                raise ValueError(
                    f"{str(self.root)!r} holds more than {MOST_UNPACKED} bytes; unpack it, and give the folder"
                )
            content = archive.extractfile(member)
            assert content is not None
            self._contents[name] = content.read()

    def __getstate__(self) -> dict[str, Any]:
        return {"root": self.root}

    def __setstate__(self, state: dict[str, Any]) -> None:
        TarStore.__init__(self, state["root"])

    def has(self, name: str) -> bool:
        """Tell whether a file is in the archive."""
        return name in self._places or name in self._contents

    def names(self, suffixes: Iterable[str] = ()) -> list[str]:
        """Return all files, sorted, or those that end in a suffix (lower case, with its dot)."""
        kept = tuple(suffixes)
        found = (*self._places, *self._contents)
        return sorted(n for n in found if not kept or PurePosixPath(n).suffix.lower() in kept)

    def where(self, name: str) -> str:
        """Return the name of a file for messages."""
        return f"{self.root}:{name}"

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            UnreadableError: naming it.
        """
        if name in self._contents:
            return self._contents[name]
        if name not in self._places:
            raise UnreadableError(self.where(name), "not in the archive")
        start, size = self._places[name]
        with self.root.open("rb") as archive:
            archive.seek(start)
            return archive.read(size)


def open_store(path: Path) -> Store:
    """Return the files of a folder or a tar archive."""
    return TarStore(path) if path.is_file() else Store(path)
