"""From a file and overrides to a checked scenario."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .document import Document, parse, read_document
from .explain import explain, rule_problems
from .paths import Keys, with_value
from .problems import Problem, ScenarioError, closest, show
from .rules import RuleError
from .scenario import Scenario
from .shipped import shipped
from .sweep import Choice, expand, well_formed

SHORT = {"preset": "schemes.*.system.preset"}
"""Overrides with a short name."""


def load_scenario(
    path: str | os.PathLike[str], overrides: Sequence[str] = (), *, allow_code: bool = False
) -> Scenario:
    """Read a scenario file, apply overrides, and check it at every point of its sweep.

    Args:
        path: a YAML file, or the name of a shipped scenario.
        overrides: ``a.b=value`` each, the value in YAML; later ones win. ``*`` stands for all elements of a list
            that have what follows, and ``preset`` for ``schemes.*.system.preset``.
        allow_code: whether the file may name Python classes to import (``type: python``).

    Raises:
        ScenarioError: with every problem found: file, line, field, value, what is allowed, nearest.

    Example:
        >>> load_scenario("ber/uncoded_qam", ["seed=7"]).seed
        7
    """
    document = read_document(find(path))
    if not isinstance(document.data, dict):
        rule = "is not a scenario: names and values are needed, such as 'name: my_run'"
        raise ScenarioError(
            [Problem("", rule, show(document.data), None, document.file, document.line_of(()))]
        )
    given = _override(document, overrides)
    found = list(_check(given.data, given.origins))
    if not allow_code:
        found += _code(given.data)
    if found:
        raise ScenarioError(given.place(keys, problem) for keys, problem in found)
    try:
        return Scenario.model_validate(given.data)
    except ValidationError as error:  # what no point has, since it is about the sweep itself
        raise ScenarioError(given.place(*problem) for problem in explain(error, Scenario)) from None


def find(path: str | os.PathLike[str]) -> Path:
    """Return the file that ``path`` names: itself if it exists, or else the shipped scenario.

    Raises:
        ScenarioError: naming the nearest shipped scenario.
    """
    names, text = shipped(need_data=True), os.fspath(path)
    name = text.removesuffix(".yaml")
    if os.path.isfile(text):
        return Path(text)
    if name in names:
        return names[name]
    if os.path.isdir(text):
        raise ScenarioError([Problem("", "is a folder; a scenario is a YAML file", file=text)])
    rule = f"is neither a file nor a shipped scenario; shipped: {', '.join(names)}"
    raise ScenarioError([Problem("", rule, show(text), closest(name, names))])


@dataclass(frozen=True)
class _Given:
    """A document with overrides applied, which knows where each value comes from."""

    document: Document
    data: Any
    origins: dict[Keys, str]

    def place(self, keys: Keys, problem: Problem) -> Problem:
        """Return the problem with its file and line, or the override that brought the value."""
        for changed, text in reversed(self.origins.items()):
            shared = min(len(changed), len(keys))
            if changed[:shared] == keys[:shared] and (
                shared == len(changed) or keys not in self.document.lines
            ):
                return problem.at(f"override {text}", None)
        return problem.at(self.document.file, self.document.line_of(keys))


def _override(document: Document, overrides: Sequence[str]) -> _Given:
    data = document.data
    origins: dict[Keys, str] = {}
    found: list[Problem] = []
    for text in overrides:
        source = show(text)[1:-1]
        try:
            data, keys = _assigned(data, text)
            origins.pop(keys, None)
            origins[keys] = source
        except RuleError as error:
            found += [replace(problem, file=f"override {source}") for _, problem in rule_problems(error)]
        except ScenarioError as error:
            found += [
                replace(problem, file=problem.file or f"override {source}", line=None)
                for problem in error.problems
            ]
    if found:
        raise ScenarioError(found)
    return _Given(document, data, origins)


def _assigned(data: dict[str, Any], text: str) -> tuple[dict[str, Any], Keys]:
    """Apply one override; a name along its path may hold an equals sign, so each is tried in turn."""
    if "=" not in text:
        raise ScenarioError(
            [Problem("", "is not an override; write a.b=value", show(text), file="command line")]
        )
    parts, first = text.split("="), None
    for count in range(1, len(parts)):
        path, value = "=".join(parts[:count]), "=".join(parts[count:])
        path = SHORT.get(path, path)
        try:
            if path.startswith("sweep."):
                swept = path.removeprefix("sweep.")
                sweep = data["sweep"] if isinstance(data.get("sweep"), dict) else {}
                return {**data, "sweep": {**sweep, swept: parse(value).data}}, ("sweep", swept)
            return with_value(data, path, parse(value).data)
        except RuleError as error:
            first = first or error
    raise first or RuleError([])


def _check(data: dict[str, Any], overridden: Iterable[Keys]) -> Iterator[tuple[Keys, Problem]]:
    """Yield what is wrong with a raw scenario, at any point of its sweep."""
    sweep = data.get("sweep")
    if not sweep or not well_formed(sweep):
        yield from _problems(data)
        return
    try:
        choices = list(expand(data))
    except RuleError as error:
        yield from rule_problems(error)
        return
    yield from _shadowed(choices[0], overridden)
    yield from _check_points(data, choices)


def _shadowed(choice: Choice, overridden: Iterable[Keys]) -> Iterator[tuple[Keys, Problem]]:
    """Yield each override of a value that the sweep sets anyway."""
    for keys in overridden:
        for path, swept in choice.keys.items():
            if keys[: len(swept)] == swept:
                rule = f"has no effect, since the sweep sets it; override sweep.{path}"
                yield keys, Problem(".".join(map(str, keys)), rule)


def _check_points(data: dict[str, Any], choices: list[Choice]) -> Iterator[tuple[Keys, Problem]]:
    """Yield each problem once; one that some points do not have says where it comes up."""
    found: dict[tuple[Keys, Problem], list[Choice]] = {}
    for choice in choices:
        here = {}
        for keys, problem in _problems(choice.data):
            swept = _swept(keys, choice, data)
            here[swept, replace(problem, field=".".join(map(str, swept)))] = choice
        for key in here:
            found.setdefault(key, []).append(choice)
    for (keys, problem), at in found.items():
        values = at[0].values
        swept_path = str(keys[1]) if keys[:1] == ("sweep",) else None
        alike = [c for c in choices if swept_path is None or c.values[swept_path] == values[swept_path]]
        where = ", ".join(f"{path} = {show(value)}" for path, value in values.items())
        yield keys, problem if len(at) >= len(alike) else replace(problem, where=where)


def _swept(keys: Keys, choice: Choice, data: Any) -> Keys:
    """Return where the sweep gives the value at ``keys``, or ``keys`` if the scenario itself does."""
    for path, swept in choice.keys.items():
        shared = min(len(keys), len(swept))
        if keys[:shared] == swept[:shared] and (shared == len(swept) or not _holds(data, keys)):
            return ("sweep", path, *keys[len(swept) :])
    return keys


def _holds(data: Any, keys: Keys) -> bool:
    for key in keys:
        found = (
            key in data
            if isinstance(data, dict)
            else isinstance(data, list) and isinstance(key, int) and key < len(data)
        )
        if not found:
            return False
        data = data[key]
    return True


def _problems(data: dict[str, Any]) -> Iterator[tuple[Keys, Problem]]:
    try:
        Scenario.model_validate(data)
    except ValidationError as error:
        yield from explain(error, Scenario)


def _code(data: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Problem]]:
    """Yield each Python class that the file itself names."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    if isinstance(data, dict) and data.get("type") == "python" and ":" in str(data.get("target")):
        where = (*keys, "target")
        rule = "is code that this file names; it runs only with --allow-code"
        yield where, Problem(".".join(map(str, where)), rule, show(data["target"]))
    for key, value in items:
        yield from _code(value, (*keys, key))
