"""One line of a terminal that long work keeps up to date."""

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

LOG_INTERVAL = 60.0
"""Least time between two lines of a log, s."""


class StatusLine:
    """Overwrites one line of a terminal, not too often; or adds lines to a log now and then.

    Args:
        stream: a terminal, or a log.
        interval: least time between two updates, s.
        log: whether every update is a line of its own, the first after ``interval``; short work leaves none.
    """

    def __init__(self, stream: TextIO, interval: float = 0.2, *, log: bool = False) -> None:
        self._stream = stream
        self._interval = interval
        self._next = time.monotonic() + interval if log else 0.0
        self._width = 0
        self._log = log

    def show(self, text: Callable[[], str], *, always: bool) -> None:
        """Write what ``text`` returns, if it is time to or ``always``."""
        now = time.monotonic()
        if now < self._next and (self._log or not always):
            return
        self._next = now + self._interval
        line = text()[:118]
        if self._log:
            self._stream.write(f"{line}\n")
            self._stream.flush()
            return
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
    progress: Callable[[Any], None] | bool | None, line: Callable[..., Callable[[Any], None]]
) -> Callable[[Any], None] | None:
    """Return what is called with each moment of long work.

    Args:
        progress: a callable; `True` for a line on standard error, once a minute if it is no terminal; `None`
            for that line if standard error is a terminal; `False` for nothing.
        line: makes that line for a stream; takes the arguments of :class:`StatusLine`.
    """
    terminal = sys.stderr.isatty()
    if progress is True or (progress is None and terminal):
        return line(sys.stderr) if terminal else line(sys.stderr, LOG_INTERVAL, log=True)
    return progress or None
