"""How a training ends early."""


class TrainingError(RuntimeError):
    """A training could not go on; its last checkpoint is kept and the message says what to do."""

    exit_code = 1


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C: a checkpoint is written, and the same command goes on from there."""

    exit_code = 130
