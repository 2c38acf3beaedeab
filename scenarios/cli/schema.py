"""Print the JSON Schema of scenario files, by which editors complete and check them."""

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--output", type=Path, metavar="file", help="write to a file instead of the screen")


def execute(arguments: argparse.Namespace) -> int:
    """Write the schema."""
    from ..schema import json_schema

    text = json.dumps(json_schema(), indent=2) + "\n"
    if arguments.output is None:
        print(text, end="")
    else:
        arguments.output.write_text(text, encoding="utf-8")
    return 0
