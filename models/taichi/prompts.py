"""Instruction, input and output of a prompt, from data files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...linklevel.validation import check_choice
from ..choices import lettered

FOLDER = Path(__file__).parent / "templates"
TASKS = ("vqa", "choice", "captioning", "classification")
FIELDS = ("question", "hint", "choices", "text")
"""Inputs of a sample that are words."""


class Templates:
    """The prompts of one style.

    Args:
        style: "words" or "chat", or the path of a file of the same form.

    Raises:
        ValueError: for an unknown style, or a file that is no template.

    Example:
        >>> Templates("words").input("vqa", {"question": "How many?"})
        'How many?'
    """

    def __init__(self, style: str) -> None:
        self.style = style
        self._data = read_templates(style)
        for name in ("instruction", "input", "output", "tasks"):
            if name not in self._data:
                raise ValueError(f"templates: {style!r} has no {name!r}")

    def instruction(self, task: str) -> str:
        """Return what the receiver's model is told to do; empty if it is told nothing."""
        text = self._task(task)["instruction"]
        return self.told(text) if text else ""

    def told(self, instruction: str) -> str:
        """Return an instruction with the marks around it."""
        return self._data["instruction"].format(instruction=instruction)

    def input(self, task: str, content: Mapping[str, Any]) -> str:
        """Return the question or text that the task is about; empty if it is about the image alone.

        Raises:
            ValueError: for more choices than letters.
        """
        text = self._task(task)["input"].format(**{name: _escaped(content, name) for name in FIELDS}).strip()
        return self._data["input"].format(input=text) if text else ""

    @property
    def output(self) -> str:
        """What the answer follows."""
        return self._data["output"]

    def _task(self, task: str) -> Mapping[str, str]:
        tasks = self._data["tasks"]
        return tasks[check_choice("task", task, tasks)]


def read_templates(name: str) -> dict[str, Any]:
    """Return the templates of a name, or of a file.

    Raises:
        ValueError: naming what is wrong with it.
    """
    shipped = {path.stem: path for path in FOLDER.glob("*.json")}
    path = Path(name).expanduser() if name.endswith(".json") else shipped[check_choice("templates", name, shipped)]
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"templates: {str(path)!r} cannot be read ({error})") from error


def task_of(content: Mapping[str, Any]) -> str:
    """Return the task of a sample by its inputs: image and question, with or without choices, an image or text alone.

    Raises:
        ValueError: for other inputs.
    """
    if "image" in content:
        if "question" not in content:
            return "captioning"
        return "choice" if content.get("choices") else "vqa"
    if "text" in content:
        return "classification"
    raise ValueError(f"inputs: {sorted(content)} given; an image, an image and a question, or a text is needed")


def turns_of(sample: Any) -> Sequence[tuple[str, str]]:
    """Return the earlier turns of a conversation, questions and answers, before the one that is asked now.

    They are the entry ``history`` of a sample's ``extra``; none if it has no such entry.
    """
    return tuple((str(question), str(answer)) for question, answer in sample.extra.get("history", ()))


def _escaped(content: Mapping[str, Any], name: str) -> str:
    # Marks of the template in somebody's text would be read as such.
    value = content.get(name, "")
    if name == "choices":
        value = lettered(value)
    return str(value).replace("<", " ").replace(">", " ")
