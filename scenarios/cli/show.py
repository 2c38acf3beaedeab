"""Show samples of a task's data: one HTML page and a picture.

The page has samples with question and answer, the counts of the answers by family, and what was left
out. The file is a scenario, or holds a task alone.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..datasets import Dataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("scenario", metavar="file", help="a YAML file with a task, or the name of a shipped scenario")
    parser.add_argument(
        "overrides", nargs="*", default=[], metavar="a.b=value", help="replace a field, such as task.data.seed=2"
    )
    parser.add_argument(
        "--allow-code", action="store_true", help="let the file name Python classes to run (type: python)"
    )
    parser.add_argument("--count", type=int, default=24, metavar="count", help="how many samples; 24 if absent")
    parser.add_argument("--output", type=Path, metavar="file", help="HTML to write; <name>_samples.html here if absent")


def execute(arguments: argparse.Namespace) -> int:
    """Write the page and the picture, and print their paths."""
    name, task = _task(arguments)
    data = _data(task.build())
    from ..figures.samples import write_samples

    output = arguments.output or Path(f"{name}_samples.html")
    for path in write_samples(data, output, name=name, count=arguments.count):
        print(path)
    return 0


def _task(arguments: argparse.Namespace) -> tuple[str, Any]:
    """Return the name of the file's subject, and the task's configuration.

    Raises:
        ScenarioError: with every problem found.
    """
    from ..schema.document import read_document
    from ..schema.load import find
    from .scenario_arguments import scenario_of

    path = find(arguments.scenario)
    document = read_document(path)
    if not isinstance(document.data, dict) or "schemes" in document.data:
        scenario = scenario_of(arguments)
        tasks = [task for scheme in scenario.schemes if (task := scenario.task_of(scheme)) is not None]
        return scenario.name, tasks[0]
    from ..schema.task_file import load_task

    file = load_task(document, arguments.overrides, allow_code=arguments.allow_code)
    return file.name or path.stem, file.task


def _data(task: Any) -> "Dataset":
    """Return the samples of a task.

    Raises:
        ValueError: for a task without samples.
    """
    from ..datasets import Dataset, ListDataset, Sample

    data = getattr(task, "data", None)
    if isinstance(data, Dataset):
        return data
    sources = getattr(task, "sources", None)
    if sources is None:
        raise ValueError(f"task: {getattr(task, 'name', task)!r} has no samples to show; tasks on data have")
    key = "text" if isinstance(sources[0], str) else "image"
    samples = [
        Sample(id=str(number), cluster=number, inputs={key: source}, references=())
        for number, source in enumerate(sources)
    ]
    return ListDataset(name=str(task.name), samples=samples)
