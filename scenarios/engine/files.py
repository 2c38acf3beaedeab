"""Files of a run: replaced whole, or left as they were with advice."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...linklevel.files import replaced
from .errors import RunError


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Give a temporary path as :func:`~tokencom.linklevel.files.replaced`, and advice if it cannot be written.

    Raises:
        RunError: if it cannot be written; ``path`` is as it was.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with replace_file(path) as temporary:
        ...     _ = temporary.write_text("done")
        >>> path.read_text()
        'done'
    """
    try:
        with replaced(path) as temporary:
            yield temporary
    except (OSError, RuntimeError) as error:
        if isinstance(error, RunError):
            raise
        raise RunError(
            f"{path}: cannot be written ({error}); make room or check the permissions and start the same run"
            " again: finished batches are kept"
        ) from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file; numbers that are not finite must have been turned into null."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    with replace_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
