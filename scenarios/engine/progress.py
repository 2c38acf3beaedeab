"""How far a run is, and how long it still takes."""

from collections.abc import Callable
from dataclasses import dataclass

from ...linklevel import status_line
from ...linklevel.status_line import StatusLine, clock


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


class TextProgress(StatusLine):
    """Keeps one line of a terminal up to date.

    Args:
        stream: a terminal.
        interval: least time between two updates, s.

    Example:
        >>> TextProgress.line(Progress(1, 4, 20, 60, 7, 5.0, 15.0, "QPSK at snr_db=3"))
        '1/4 points  20 batches  7 errors  25 %  0:05, about 0:15 left  QPSK at snr_db=3'
    """

    def __call__(self, progress: Progress) -> None:
        """Show a moment of the run."""
        last = progress.points_done == progress.points_total
        self.show(lambda: self.line(progress), always=last)
        if last:
            self.close()

    @staticmethod
    def line(progress: Progress) -> str:
        """Return the text of a moment."""
        p = progress
        share = 100 * p.batches_done // max(p.batches_done + p.batches_left, 1)
        left = ""
        if p.seconds_left is not None and p.batches_left > 0:
            left = f", about {clock(p.seconds_left)} left"
        return (
            f"{p.points_done}/{p.points_total} points  {p.batches_done} batches  {p.errors} errors"
            f"  {share} %  {clock(p.seconds)}{left}  {p.working_on}"
        ).rstrip()


def hook_of(progress: Hook | bool | None) -> Hook | None:
    """Return what is called with each :class:`Progress`.

    Args:
        progress: a callable; `True` for a line on standard error; `None` for that line if standard
            error is a terminal; `False` for nothing.
    """
    return status_line.hook_of(progress, TextProgress)
