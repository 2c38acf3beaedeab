"""Parse the command line, run the command, turn errors into one message and an exit code.

0: done. 1: the run failed, or an audit or a comparison found a fault. 2: wrong input. 130: interrupted.
Nothing heavy is imported before a command needs it.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from . import audit, compare, doctor, export, listing, plot, report, run, schema, show, train

COMMANDS = {
    "run": run,
    "train": train,
    "export": export,
    "audit": audit,
    "plot": plot,
    "report": report,
    "compare": compare,
    "show": show,
    "list": listing,
    "schema": schema,
    "doctor": doctor,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``tokencom`` with these arguments and return its exit code.

    Args:
        argv: arguments without the program's name; from the process if `None`.
    """
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        code = COMMANDS[arguments.command].execute(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt as error:
        _say(f"tokencom: {error}" if str(error) else "tokencom: interrupted")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if arguments.traceback:
            raise
        _say(_message(error))
        return _exit_code(error)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse arguments; wrong ones end the process with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="tokencom", description="Link-level simulation of token communication.", allow_abbrev=False
    )
    parser.add_argument("--traceback", action="store_true", help="show where an error comes from")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    parsers = {}
    for name, module in COMMANDS.items():
        text = (module.__doc__ or "").strip()
        parsers[name] = commands.add_parser(
            name, help=text.splitlines()[0].rstrip(".").lower(), description=text, allow_abbrev=False
        )
        module.add_arguments(parsers[name])
    arguments, rest = parser.parse_known_args(argv)
    # argparse fills a list of positionals from one place only; overrides may stand anywhere.
    if rest and ("overrides" not in arguments or any(text.startswith("-") for text in rest)):
        parsers[arguments.command].error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.overrides += rest
    return arguments


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _message(error: Exception) -> str:
    """Return what to tell: a scenario's problems name their file, other input errors speak for themselves."""
    if hasattr(error, "problems"):
        return str(error)
    if isinstance(error, ValueError) or hasattr(error, "exit_code"):
        return f"tokencom: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"tokencom: {error.filename or 'input/output'}: {error.strerror}"
    return f"tokencom: {type(error).__name__}: {error} (add --traceback before the command to see where)"


def _exit_code(error: Exception) -> int:
    own = getattr(error, "exit_code", None)
    if isinstance(own, int):
        return own
    return 2 if isinstance(error, ValueError) else 1
