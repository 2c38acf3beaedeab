"""The tables of the journal."""

import zlib
from typing import Any

FORMAT = 1
"""Changes when the tables do."""

TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS batches (
    unit TEXT NOT NULL, batch INTEGER NOT NULL, scheme TEXT NOT NULL, point TEXT NOT NULL,
    snr_db REAL NOT NULL, items INTEGER NOT NULL, errors INTEGER NOT NULL, seconds REAL NOT NULL,
    data BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (unit, batch)
);
CREATE TABLE IF NOT EXISTS sessions (started TEXT NOT NULL, record TEXT NOT NULL);
"""
INSERT = "INSERT OR IGNORE INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
COLUMNS = "unit, batch, scheme, point, snr_db, items, errors, seconds, data, checksum"


def checksum(row: tuple[Any, ...]) -> int:
    """Return the CRC-32 of a row without its checksum; the last value is bytes.

    Example:
        >>> checksum(("unit", 0, b"")) == checksum(("unit", 1, b""))
        False
    """
    return zlib.crc32(row[-1], zlib.crc32(repr(row[:-1]).encode()))
