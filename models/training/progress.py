"""How far a training is, and how long it still takes."""

from collections.abc import Callable
from dataclasses import dataclass

from ...linklevel import status_line
from ...linklevel.status_line import StatusLine, clock


@dataclass(frozen=True)
class TrainingProgress:
    """A moment of a training.

    Args:
        stage: its name.
        step: steps of the stage that are done.
        steps: all of them.
        total_step: steps over all stages that are done.
        total_steps: all of them.
        loss: of the last step.
        seconds: of training so far, s.
        steps_per_second: lately.
        seconds_left: estimate, s; `None` before the first step has been timed.
    """

    stage: str
    step: int
    steps: int
    total_step: int
    total_steps: int
    loss: float
    seconds: float
    steps_per_second: float
    seconds_left: float | None


Hook = Callable[[TrainingProgress], None]


class TextProgress(StatusLine):
    """Keeps one line of a terminal up to date.

    Args:
        stream: a terminal.
        interval: least time between two updates, s.

    Example:
        >>> TextProgress.line(TrainingProgress("codec", 20, 100, 20, 100, 0.25, 5.0, 4.0, 20.0))
        'codec 20/100  loss 0.25  4 step/s  20 %  0:05, about 0:20 left'
    """

    def __call__(self, progress: TrainingProgress) -> None:
        """Show a moment of the training."""
        self.show(lambda: self.line(progress), always=progress.total_step == progress.total_steps)

    @staticmethod
    def line(progress: TrainingProgress) -> str:
        """Return the text of a moment."""
        p = progress
        share = 100 * p.total_step // max(p.total_steps, 1)
        left = ""
        if p.seconds_left is not None and p.total_step < p.total_steps:
            left = f", about {clock(p.seconds_left)} left"
        return (
            f"{p.stage} {p.step}/{p.steps}  loss {p.loss:.4g}  {p.steps_per_second:.3g} step/s"
            f"  {share} %  {clock(p.seconds)}{left}"
        )


def hook_of(progress: Hook | bool | None) -> Hook | None:
    """Return what is called with each :class:`TrainingProgress`.

    Args:
        progress: a callable; `True` for a line on standard error; `None` for that line if standard
            error is a terminal; `False` for nothing.
    """
    return status_line.hook_of(progress, TextProgress)
