"""How a run ends early."""


class RunError(RuntimeError):
    """A run could not go on; what was finished is kept and the message says what to do."""

    exit_code = 1


class RefusedInputError(RunError):
    """A task, a link or a batch refused what the scenario gives it."""

    exit_code = 2


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C: finished batches are in the journal, and the same command goes on from there."""

    exit_code = 130
