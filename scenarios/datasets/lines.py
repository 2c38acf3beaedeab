"""Text files with one sample a line."""

from pathlib import Path

from .files import read_text
from .indexed import Indexed
from .stores import UnreadableError


def numbered_lines(dataset: Indexed, path: Path, encoding: str = "utf-8") -> list[tuple[int, str]]:
    """Return the lines of a file with their numbers, from 1; an empty one is refused or noted.

    Args:
        dataset: whose ``on_error`` decides.
        path: of the file.
        encoding: of the file.

    Raises:
        ValueError: if the file cannot be read, or an empty line is refused.
    """
    try:
        text = read_text(path, encoding)
    except UnreadableError as error:
        raise ValueError(f"{dataset.name}: {error}") from error
    lines = text.split("\n")  # str.splitlines also breaks at \x85, which is a letter in some encodings
    if lines and not lines[-1]:
        lines.pop()
    kept = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            kept.append((number, line.rstrip("\r")))
        else:
            dataset.broken(f"{path}, line {number}", "empty line")
    return kept
