"""Train the schemes of a scenario whose weights are missing.

Weights that come with the package, or are in the cache, are not made again. Ctrl-C leaves a checkpoint, from
which the same command goes on. With --output, the weights of the chosen schemes are written to a folder,
each with its card.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .scenario_arguments import add_scenario_arguments, scenario_of

if TYPE_CHECKING:
    from ..engine.training import Job
    from ..schema import Scenario


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_scenario_arguments(parser)
    parser.add_argument(
        "--scheme", action="append", metavar="name", help="scheme to train, once or more; all with training if absent"
    )
    parser.add_argument(
        "--output", type=Path, metavar="folder", help="also write <scenario>_<scheme>.safetensors and .json here"
    )
    parser.add_argument(
        "--bits", type=int, choices=(4, 5, 6, 8, 16, 32), metavar="count",
        help="with --output: of each number, 32, 16, or 8 to 4 with a scale for each row of a matrix (32 if absent)",
    )  # fmt: skip
    parser.add_argument(
        "--like", metavar="name",
        help="with --output: weights in the folder, <name>.safetensors, from whose numbers those of the file are"
        " differences, which take less room the nearer both are (those that the training began with if absent)",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def execute(arguments: argparse.Namespace) -> int:
    """Train what is missing, and print where the weights are."""
    for name in ("bits", "like"):
        if getattr(arguments, name) is not None and arguments.output is None:
            raise ValueError(f"--{name}: given without --output; the cache keeps full precision")
    scenario = scenario_of(arguments)
    from ..engine.training import jobs

    names = chosen(scenario, arguments.scheme)
    train(scenario, arguments, names)
    wanted = [job for job in jobs(scenario, names) if job.scheme.name in names]
    from ..schema import trained

    for job in wanted:
        path = trained.find(job.key)
        if arguments.output is not None:
            from ..engine.weight_files import write_weights

            single = len(wanted) == len(names)
            path = write_weights(
                job, arguments.output, bits=arguments.bits or 32, single=single, like=arguments.like
            )  # fmt: skip
        print(path)
    return 0


def chosen(scenario: "Scenario", names: list[str] | None) -> list[str]:
    """Return the names of the schemes to train.

    Raises:
        ValueError: for a name that is none of a scheme with training, with the nearest that is.
    """
    from ..schema.problems import closest

    able = [s.name for s in scenario.schemes if getattr(s, "trains", False) and s.training.makes_weights]
    for name in names or ():
        if name not in able:
            close = closest(name, tuple(able))
            hint = f"; did you mean {close!r}?" if close else ""
            raise ValueError(f"--scheme: {name!r} is not a scheme with training of its own{hint}")
    if not able:
        raise ValueError(f"{scenario.name}: no scheme has training; their weights are given, or they need none")
    return names or able


def train(
    scenario: "Scenario", arguments: argparse.Namespace, names: list[str] | None = None, *, allowed: bool = True
) -> None:
    """Make what is missing, for ``train``, ``run`` and ``export``.

    Raises:
        ValueError: if something is missing and training is not ``allowed``; it names the command.
    """
    from ..engine.training import provide

    def announce(job: "Job") -> None:
        if not arguments.quiet:
            print(f"training {job.scheme.name!r}: {job.steps} steps", file=sys.stderr)

    provide(
        scenario, names, train=allowed, off="--no-train", progress=not arguments.quiet,
        command=lambda job: command(arguments, job.scheme), announce=announce,
    )  # fmt: skip


def command(arguments: argparse.Namespace, scheme: Any) -> str:
    """Return what makes a scheme's weights again."""
    code = ["--allow-code"] if arguments.allow_code else []
    # A name with a minus in front would be read as an option.
    named = [f"--scheme={scheme.name}"] if scheme.name.startswith("-") else ["--scheme", scheme.name]
    return shlex.join(["tokencom", "train", arguments.scenario, *arguments.overrides, *code, *named])
