"""A YAML file that holds a task alone."""

from collections.abc import Sequence

from pydantic import Field, ValidationError

from .base import Config
from .document import Document, parse
from .explain import explain, rule_problems
from .load import _code
from .paths import with_value
from .problems import Problem, ScenarioError, show
from .rules import RuleError
from .tasks import Task


class TaskFile(Config):
    """A task, and a name for what is written about it."""

    name: str = Field(default="", max_length=120, description="Name of what is shown; the file's if absent.")
    task: Task = Field(description="What is sent and judged.")


def load_task(document: Document, overrides: Sequence[str] = (), *, allow_code: bool = False) -> TaskFile:
    """Check a document that holds a task alone.

    Args:
        document: the parsed file.
        overrides: ``a.b=value`` each.
        allow_code: whether the file may name Python classes to import.

    Raises:
        ScenarioError: with every problem found: file, line, field, value, what is allowed, nearest.
    """
    data = document.data
    for text in overrides:
        path, sign, value = text.partition("=")
        if not sign:
            raise ScenarioError([Problem("", "is not an override; write a.b=value", show(text), file="command line")])
        try:
            data, _ = with_value(data, path, parse(value).data)
        except RuleError as error:
            raise ScenarioError(problem.at(f"override {text}", None) for _, problem in rule_problems(error)) from None
    found = [] if allow_code else list(_code(data))
    try:
        file = TaskFile.model_validate(data)
    except ValidationError as error:
        found += explain(error, TaskFile)
    if found:
        raise ScenarioError(problem.at(document.file, document.line_of(keys)) for keys, problem in found)
    return file
