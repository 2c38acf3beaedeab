"""The record of finished batches: SQLite, written by the coordinator only."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .columns import unpack
from .errors import RunError
from .salvage import intact, salvage
from .tables import COLUMNS, FORMAT, INSERT, TABLES, checksum

NAME = "journal.sqlite"
MAGIC = b"SQLite format 3\0"

Row = tuple[str, int, str, str, float, int, int, float, bytes]
"""A batch as the tables hold it."""


@dataclass(frozen=True)
class Tally:
    """A finished batch, without its columns.

    Args:
        num_items: items in it.
        num_errors: of the task's error column.
        snr_db: Es/N0 at which it ran, dB.
        seconds: wall time.
    """

    num_items: int
    num_errors: int
    snr_db: float
    seconds: float


class Journal:
    """Finished batches of a run folder.

    A batch belongs to a unit: the hash of all that its numbers depend on (configuration, SNR,
    point, seed, batch size, threads). A changed scenario therefore finds the batches that still
    apply and leaves the others alone. Each :meth:`append` is one transaction that is on disk when
    it returns (``synchronous=FULL``); SQLite's own rollback undoes a write that a crash cut short.
    ``locking_mode=EXCLUSIVE`` keeps a second run out and works on cluster file systems.

    A damaged file is set aside as ``journal.sqlite.damaged-<n>``; its intact batches go on into a
    new journal, and :attr:`warnings` tells so.

    Args:
        folder: the run folder; made if missing.

    Raises:
        RunError: naming the file and what to do, if the folder cannot be written, the file is no
            journal or one of another version, or another run has it open.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.warnings: list[str] = []
        with self._explained():
            folder.mkdir(parents=True, exist_ok=True)
            self._check_magic()
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
                raise self._error(error) from error
            with self._explained():
                self.warnings.append(salvage(self.path))
                self._open()

    def _open(self) -> None:
        self._connection = connect(self.path)
        try:
            self._connection.executescript(TABLES)
            self._check_format()
            damage = self._connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if damage != "ok":
                raise sqlite3.DatabaseError(f"database disk image is malformed: {damage}")
        except BaseException:
            self._connection.close()
            raise

    def _check_magic(self) -> None:
        if not self.path.exists() or self.path.stat().st_size == 0:
            return
        with self.path.open("rb") as file:
            start = file.read(len(MAGIC))
        if start != MAGIC[: len(start)]:
            raise RunError(
                f"{self.path}: this file is not a journal of finished batches; move it away or choose"
                " another run folder"
            )

    def _check_format(self) -> None:
        row = self._connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        if row is None:
            self._connection.execute("INSERT INTO meta VALUES ('format', ?)", (str(FORMAT),))
        elif row[0] != str(FORMAT):
            self._connection.close()
            raise RunError(
                f"{self.path}: journal of format {row[0]}, this version reads format {FORMAT}; "
                "choose another run folder, or finish the run with the version that began it"
            )

    def append(self, rows: Iterable[Row]) -> None:
        """Write finished batches in one transaction; those that are there already stay.

        Raises:
            RunError: if the disk is full or the file cannot be written.
        """
        checked = [(*row, checksum(row)) for row in rows]
        if checked:
            with self._explained(), self._transaction():
                self._connection.executemany(INSERT, checked)

    def tallies(self, unit: str) -> dict[int, Tally]:
        """Return the finished batches of a unit, by index; damaged ones are dropped, with a warning."""
        query = f"SELECT {COLUMNS} FROM batches WHERE unit = ?"
        with self._explained():
            rows = self._connection.execute(query, (unit,)).fetchall()
            damaged = [(unit, row[1]) for row in rows if not intact(row)]
            if damaged:
                self.warnings.append(f"{self.path}: {len(damaged)} damaged batches will be run again")
                with self._transaction():
                    self._connection.executemany("DELETE FROM batches WHERE unit = ? AND batch = ?", damaged)
        lost = {index for _, index in damaged}
        return {row[1]: Tally(row[5], row[6], row[4], row[7]) for row in rows if row[1] not in lost}

    def columns(self, unit: str, start: int, stop: int) -> list[dict[str, Any]]:
        """Return the columns of batches ``start`` to ``stop - 1`` of a unit, in order.

        Raises:
            RunError: if one is missing or damaged.
        """
        query = f"SELECT {COLUMNS} FROM batches WHERE unit = ? AND batch >= ? AND batch < ? ORDER BY batch"
        with self._explained():
            rows = self._connection.execute(query, (unit, start, stop)).fetchall()
            whole = [row[:2] for row in rows] == [(unit, batch) for batch in range(start, stop)]
            if not whole or not all(map(intact, rows)):
                raise sqlite3.DatabaseError(f"batches {start} to {stop - 1} of {unit} are damaged")
        return [unpack(row[-2]) for row in rows]

    def add_session(self, started: str, record: dict[str, Any]) -> None:
        """Note that a run or a resumption began, and with which versions."""
        with self._explained(), self._transaction():
            self._connection.execute("INSERT INTO sessions VALUES (?, ?)", (started, json.dumps(record)))

    def sessions(self) -> list[dict[str, Any]]:
        """Return the runs and resumptions so far."""
        with self._explained():
            rows = self._connection.execute("SELECT started, record FROM sessions ORDER BY rowid").fetchall()
        return [{"started": started, **json.loads(record)} for started, record in rows]

    def close(self) -> None:
        """Close the file and let others have it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back by itself
                self._connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> RunError:
        text = str(error)
        if "locked" in text:
            advice = "another run is using this folder; wait for it or choose another run folder"
        elif "full" in text:
            advice = "the disk is full; make room and start the same run again: finished batches are kept"
        elif isinstance(error, OSError) or "readonly" in text or "unable to open" in text:
            advice = "the run folder cannot be written; check its permissions or choose another run folder"
        else:
            advice = "start the same run again: its intact batches are kept"
        return RunError(f"{self.path}: {text}; {advice}")


def connect(path: Path) -> sqlite3.Connection:
    """Open a SQLite file exclusively, with every commit forced to disk."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=2.0)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection
