"""What can be read of a damaged journal."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .columns import unpack
from .tables import COLUMNS, FORMAT, INSERT, TABLES, checksum

STEP = 64
SMALLEST_ROW = 256
"""Bytes of a row, its index entry included, at least."""


def salvage(path: Path) -> str:
    """Set a damaged journal aside and copy its intact batches into a new one.

    A batch is intact if SQLite can read its row and the checksum of its columns holds.

    Args:
        path: of the journal.

    Returns:
        what was done, for the user.
    """
    rows = list(_intact_rows(path))
    fresh = path.with_name(path.name + ".salvaged")
    fresh.unlink(missing_ok=True)
    new = sqlite3.connect(fresh, isolation_level=None)
    try:
        new.executescript(TABLES)
        new.execute("BEGIN")
        new.execute("INSERT INTO meta VALUES ('format', ?)", (str(FORMAT),))
        new.executemany(INSERT, rows)
        new.execute("COMMIT")
    finally:
        new.close()
    aside = _free_name(path)
    path.rename(aside)
    path.with_name(path.name + "-journal").unlink(missing_ok=True)
    fresh.rename(path)
    return (
        f"{path}: the journal was damaged. {len(rows)} intact finished batches were kept, the others"
        f" will be run again; the damaged file is {aside.name}"
    )


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside


def _intact_rows(path: Path) -> Iterator[tuple[Any, ...]]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # without it SQLite reads nothing of a file that is shorter than its header says
        connection.execute("PRAGMA writable_schema=ON")
        last = _last_rowid(connection, path.stat().st_size)
        for start in range(1, last + 1, STEP):
            try:
                yield from filter(intact, _rows(connection, start, start + STEP))
            except sqlite3.Error:
                yield from _one_by_one(connection, start, min(start + STEP, last + 1))
    finally:
        connection.close()


def _one_by_one(connection: sqlite3.Connection, start: int, stop: int) -> Iterator[tuple[Any, ...]]:
    for rowid in range(start, stop):
        try:
            yield from filter(intact, _rows(connection, rowid, rowid + 1))
        except sqlite3.Error:
            continue


def _rows(connection: sqlite3.Connection, start: int, stop: int) -> list[tuple[Any, ...]]:
    query = f"SELECT {COLUMNS} FROM batches NOT INDEXED WHERE rowid >= ? AND rowid < ?"
    return connection.execute(query, (start, stop)).fetchall()


def _last_rowid(connection: sqlite3.Connection, size: int) -> int:
    """Return an upper bound of the row numbers in a file of ``size`` bytes."""
    try:
        return int(connection.execute("SELECT max(rowid) FROM batches").fetchone()[0] or 0)
    except sqlite3.Error:
        return size // SMALLEST_ROW


def intact(row: tuple[Any, ...]) -> bool:
    """Return whether a row's checksum holds and its columns can be read and are of its items."""
    try:
        return checksum(row[:-1]) == row[-1] and len(unpack(row[-2])["item"]) == row[5]
    except (ValueError, KeyError, TypeError):
        return False
