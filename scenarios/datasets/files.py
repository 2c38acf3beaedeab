"""Folders and annotation files: found and checked, or refused by name."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ...linklevel.validation import nearest
from .stores import UnreadableError


def existing(name: str, path: str | Path, layout: str) -> Path:
    """Return the path of a data set.

    Raises:
        ValueError: if nothing is there; with the layout that is expected.
    """
    root = Path(path).expanduser()
    if not root.exists():
        raise ValueError(f"{name}: path: {str(path)!r} does not exist; expected {layout}")
    return root


def find(name: str, root: Path, candidates: Iterable[str], layout: str) -> Path:
    """Return the first of some files or folders below a root that exists; "." is the root itself.

    Raises:
        ValueError: naming what was looked for, what is there, and the layout that is expected.
    """
    wanted = list(candidates)
    for candidate in wanted:
        if (root / candidate).exists():
            return root / candidate
    there = sorted(entry.name for entry in root.iterdir())[:200] if root.is_dir() else []
    close = nearest(PurePosixPath(wanted[0]).name, there)
    hint = f"; nearest there: {close!r}" if close else f"; there: {', '.join(there[:8]) or 'nothing'}"
    raise ValueError(f"{name}: {str(root)!r} has no {' or '.join(map(repr, wanted))}{hint}; expected {layout}")


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """Return the text of a file.

    Raises:
        UnreadableError: naming it, if it is missing or in another encoding.
    """
    try:
        return path.read_text(encoding=encoding)
    except UnicodeDecodeError as error:
        raise UnreadableError(str(path), f"byte {error.start} is not {encoding}") from error
    except OSError as error:
        raise UnreadableError(str(path), error.strerror or str(error)) from error


def read_json(name: str, path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        ValueError: naming the file, if it is no JSON or breaks off.
    """
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        detail = f"{path}: {error}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise ValueError(f"{name}: {detail}; is the file complete, and JSON?") from error


def check_version(name: str, path: Path, found: Any, wanted: str) -> None:
    """Check the version that an annotation file states: ``wanted``, or more digits after it.

    Raises:
        ValueError: naming the file, its version and the one that is read here.
    """
    if str(found) != wanted and not str(found).startswith(wanted + "."):
        raise ValueError(f"{name}: {path}: version {found!r}; only version {wanted} is read")


def records_of(name: str, path: Path, data: Any, key: str | None, fields: Iterable[str]) -> list[dict[str, Any]]:
    """Return the list of records in a JSON file, checked by its first one.

    Args:
        name: of the data set.
        path: of the file.
        data: its content.
        key: under which the list lies; `None` if the content is the list.
        fields: that a record needs.

    Raises:
        ValueError: naming the file and what it lacks.
    """
    records = data.get(key) if isinstance(data, Mapping) and key is not None else data
    what = f"a list under {key!r}" if key else "a list"
    if not isinstance(records, list) or not records or not isinstance(records[0], dict):
        raise ValueError(f"{name}: {path}: {what} of records expected; is this another version or file?")
    missing = [field for field in fields if field not in records[0]]
    if missing:
        have = ", ".join(map(str, records[0]))
        raise ValueError(
            f"{name}: {path}: records have no {', '.join(missing)} (they have {have}); is this another version?"
        )
    return records
