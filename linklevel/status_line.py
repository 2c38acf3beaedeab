"""One line of a terminal that long work keeps up to date."""

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO


class StatusLine:
    """Overwrites one line of a terminal, not too often.

    Args:
        stream: a terminal.
        interval: least time between two updates, s.
    """

    def __init__(self, stream: TextIO, interval: float = 0.2) -> None:
        self._stream = stream
        self._interval = interval
        self._next = 0.0
        self._width = 0

    def show(self, text: Callable[[], str], *, always: bool) -> None:
        """Write what ``text`` returns, if it is time to or ``always``."""
        now = time.monotonic()
        if now < self._next and not always:
            return
        self._next = now + self._interval
        line = text()[:118]
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)

    def close(self) -> None:
        """End the line, so that a message that follows has its own."""
        if self._width:
            self._stream.write("\n")
            self._stream.flush()
        self._width = 0


def clock(seconds: float) -> str:
    """Return a time as h:mm:ss, or m:ss under an hour.

    Example:
        >>> clock(65.2), clock(3600)
        ('1:05', '1:00:00')
    """
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def hook_of(
    progress: Callable[[Any], None] | bool | None, line: Callable[[TextIO], Callable[[Any], None]]
) -> Callable[[Any], None] | None:
    """Return what is called with each moment of long work.

    Args:
        progress: a callable; `True` for a line on standard error; `None` for that line if standard
            error is a terminal; `False` for nothing.
        line: makes that line for a stream.
    """
    if progress is None:
        progress = sys.stderr.isatty()
    if progress is True:
        return line(sys.stderr)
    return progress or None
