"""How a run ends early."""


class RunError(RuntimeError):
    """A run could not go on; what was finished is kept and the message says what to do."""

    exit_code = 1


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C: finished batches are in the journal, and the same command goes on from there."""

    exit_code = 130
