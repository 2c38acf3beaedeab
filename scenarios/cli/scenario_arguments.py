"""Arguments of the commands that take a scenario."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..schema import Scenario


def add_scenario_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scenario, its overrides and ``--allow-code``."""
    parser.add_argument(
        "scenario", help="a YAML file, or the name of a shipped scenario (tokencom list scenarios)"
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        default=[],
        metavar="a.b=value",
        help="replace a field, such as stop.max_mc_iter=10 or 'sweep.snr_db=[0, 5]'",
    )
    parser.add_argument(
        "--allow-code", action="store_true", help="let the file name Python classes to run (type: python)"
    )


def scenario_of(arguments: argparse.Namespace) -> "Scenario":
    """Load and check the scenario that the arguments name.

    Raises:
        ScenarioError: with every problem found.
    """
    from ..schema import load_scenario

    return load_scenario(arguments.scenario, arguments.overrides, allow_code=arguments.allow_code)
