"""How far a run is, and how long it still takes."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True)
class Progress:
    """A moment of a run.

    Args:
        points_done: pairs of scheme and point that the stop rule has ended.
        points_total: all of them.
        batches_done: batches counted so far, those of an earlier session included.
        batches_left: estimate of those still needed.
        errors: block errors counted so far.
        seconds: since the run began.
        seconds_left: estimate, s; `None` before the first batch has been timed.
        working_on: the scheme and the point that come next; empty at the end.
    """

    points_done: int
    points_total: int
    batches_done: int
    batches_left: int
    errors: int
    seconds: float
    seconds_left: float | None
    working_on: str


Hook = Callable[[Progress], None]


class TextProgress:
    """Keeps one line of a terminal up to date.

    Args:
        stream: a terminal.
        interval: least time between two updates, s.

    Example:
        >>> TextProgress.line(Progress(1, 4, 20, 60, 7, 5.0, 15.0, "QPSK at snr_db=3"))
        '1/4 points  20 batches  7 errors  25 %  0:05, about 0:15 left  QPSK at snr_db=3'
    """

    def __init__(self, stream: TextIO, interval: float = 0.2) -> None:
        self._stream = stream
        self._interval = interval
        self._next = 0.0
        self._width = 0
        self._open = False

    def __call__(self, progress: Progress) -> None:
        """Show a moment of the run."""
        last = progress.points_done == progress.points_total
        now = time.monotonic()
        if now < self._next and not last:
            return
        self._next = now + self._interval
        text = self.line(progress)[:118]
        self._stream.write("\r" + text.ljust(self._width) + ("\n" if last else ""))
        self._stream.flush()
        self._width = 0 if last else len(text)
        self._open = not last

    def close(self) -> None:
        """End the line, so that a message that follows has its own."""
        if self._open:
            self._stream.write("\n")
        self._open = False

    @staticmethod
    def line(progress: Progress) -> str:
        """Return the text of a moment."""
        p = progress
        share = 100 * p.batches_done // max(p.batches_done + p.batches_left, 1)
        left = ""
        if p.seconds_left is not None and p.batches_left > 0:
            left = f", about {_clock(p.seconds_left)} left"
        return (
            f"{p.points_done}/{p.points_total} points  {p.batches_done} batches  {p.errors} errors"
            f"  {share} %  {_clock(p.seconds)}{left}  {p.working_on}"
        ).rstrip()


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def hook_of(progress: Hook | bool | None) -> Hook | None:
    """Return what is called with each :class:`Progress`.

    Args:
        progress: a callable; `True` for a line on standard error; `None` for that line if standard
            error is a terminal; `False` for nothing.
    """
    if progress is None:
        progress = sys.stderr.isatty()
    if progress is True:
        return TextProgress(sys.stderr)
    return progress or None
