"""Channel statistics that take seconds to estimate, kept on disk."""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs


def digest(key: dict[str, Any]) -> str:
    """Return a hash of a key of JSON types, 16 hexadecimal digits.

    Example:
        >>> digest({"model": "A", "speed": 3.0}) == digest({"speed": 3.0, "model": "A"})
        True
    """
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]


def recall(key: dict[str, Any], compute: Callable[[], Any]) -> Any:
    """Return ``compute()``, from the user's cache folder if it was computed before.

    A file appears complete or not at all, so concurrent workers do no harm; a damaged file is
    computed anew. Where the folder cannot be written the value is computed every time, with a
    warning.

    Args:
        key: what the value depends on; JSON types.
        compute: must give the same JSON value every time.
    """
    path = Path(platformdirs.user_cache_dir("tokencom")) / "channels" / f"{digest(key)}.json"
    try:
        stored = json.loads(path.read_text())
        if digest(stored["key"]) == path.stem:
            return stored["value"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    value = compute()
    try:
        _write(path, json.dumps({"key": key, "value": value}))
    except OSError as error:
        warnings.warn(f"channel statistics cannot be kept in {path.parent}: {error}; "
                      "they are estimated again each time", stacklevel=2)
    return value


def _write(path: Path, text: str) -> None:
    """Write through a temporary file and a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
