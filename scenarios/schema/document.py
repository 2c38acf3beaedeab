"""Read a YAML file into plain values, remembering the line of each.

YAML 1.2's core rules decide what is a number or a boolean, so ``no`` is text and ``30e3`` a number.
"""

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .paths import Keys
from .problems import Problem, ScenarioError, show

LARGEST_FILE = 1_000_000
LARGEST_DOCUMENT = 50_000
DEEPEST = 40
_LONGEST_NUMBER = 400

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Document:
    """A parsed file.

    Args:
        data: what the file holds, in dicts, lists and scalars.
        lines: line of each value, by its path of keys and indices.
        file: name for messages.
    """

    data: Any
    lines: dict[Keys, int] = field(default_factory=dict)
    file: str = ""

    def line_of(self, path: Keys) -> int | None:
        """Return the line of ``path``, or of the nearest part of the file that holds it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


class _Loader(yaml.SafeLoader):
    """PyYAML's reader with YAML 1.2 scalars and a limit on depth."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  (PyYAML's own way to start without its resolvers)
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > DEEPEST:
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem=f"values nest deeper than {DEEPEST} levels", problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), list(_first))


def read_document(path: Path) -> Document:
    """Read a file.

    Raises:
        ScenarioError: for a file that is missing, a folder, too large, not UTF-8 or not YAML.
    """
    file = str(path)
    if path.is_dir():
        raise ScenarioError([Problem("", "is a folder; a scenario is a YAML file", file=file)])
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ScenarioError([Problem("", f"cannot be read: {error.strerror}", file=file)]) from None
    if len(raw) > LARGEST_FILE:
        rule = f"holds more than {LARGEST_FILE} bytes; a scenario is far smaller"
        raise ScenarioError([Problem("", rule, file=file)])
    try:
        text = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        rule = f"is not UTF-8 text: byte 0x{raw[error.start]:02x} at position {error.start}"
        raise ScenarioError([Problem("", rule, file=file, line=line)]) from None
    return parse(text, file)


def parse(text: str, file: str = "") -> Document:
    r"""Parse YAML text.

    Raises:
        ScenarioError: for text that is not YAML, repeats a key, nests too deep or expands too far.

    Example:
        >>> document = parse("air:\n  subcarrier_spacing: 30e3\n")
        >>> document.data, document.lines["air", "subcarrier_spacing"]
        ({'air': {'subcarrier_spacing': 30000.0}}, 2)
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        rule = f"holds the character {error.character!r}, which YAML does not allow"
        raise ScenarioError([Problem("", rule, file=file, line=line)]) from None
    except yaml.MarkedYAMLError as error:
        raise ScenarioError([_syntax(error, file)]) from None
    builder = _Builder(file)
    data = None if node is None else builder.build(node, ())
    if builder.problems:
        raise ScenarioError(builder.problems)
    return Document(data, builder.lines, file)


def _syntax(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "cannot be parsed"
    context = f" ({error.context})" if error.context and error.context != problem else ""
    if "'\\t'" in problem:
        problem, context = "a tab stands where YAML wants spaces", ""
    return Problem("", f"is not YAML: {problem}{context}", file=file, line=mark.line + 1 if mark else None)


class _Builder:
    """Turns a graph of YAML nodes into plain values and the line of each."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Keys, int] = {}
        self.problems: list[Problem] = []
        self.open: set[int] = set()
        self.count = 0

    def refuse(self, node: yaml.Node, path: Keys, rule: str, value: str = "") -> None:
        """Note a problem; an alias's node lies where its anchor is, so the key's line comes first."""
        line = self.lines.get(path, node.start_mark.line + 1)
        self.problems.append(Problem(".".join(map(str, path)), rule, value, None, self.file, line))

    def build(self, node: yaml.Node, path: Keys) -> Any:
        self.count += 1
        if self.count > LARGEST_DOCUMENT:
            rule = f"expands to more than {LARGEST_DOCUMENT} values"
            raise ScenarioError([*self.problems, Problem("", rule, file=self.file)])
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.open:
            self.refuse(node, path, "refers to itself")
            return None
        self.open.add(id(node))
        plain = isinstance(node, yaml.MappingNode)
        if node.tag != _TAG + ("map" if plain else "seq"):
            self.refuse(node, path, f"has the tag {show(node.tag)}; scenarios use no tags")
        value = self.mapping(node, path) if plain else self.sequence(node, path)
        self.open.discard(id(node))
        return value

    def sequence(self, node: yaml.Node, path: Keys) -> list[Any]:
        return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]

    def mapping(self, node: yaml.Node, path: Keys) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self.refuse(key_node, path, "has a key that is not plain text")
                continue
            key = key_node.value
            if key in result:
                first = self.lines[*path, key]
                rule, line = f"is given twice; the first is in line {first}", key_node.start_mark.line + 1
                self.problems.append(
                    Problem(".".join(map(str, (*path, key))), rule, "", None, self.file, line)
                )
                continue
            self.lines.setdefault((*path, key), key_node.start_mark.line + 1)
            result[key] = self.build(value_node, (*path, key))
        return self.merge(result, merged, path)

    def merge(self, result: dict[str, Any], merged: list[yaml.Node], path: Keys) -> dict[str, Any]:
        """Add what ``<<`` brings: own keys win, then the first mapping named."""
        for node in merged:
            value = self.build(node, path) if isinstance(node, yaml.MappingNode) else None
            if not isinstance(value, dict):
                self.refuse(node, path, "merges (<<) something that is not a mapping")
                continue
            result = {**value, **result}
        return result

    def scalar(self, node: yaml.ScalarNode, path: Keys) -> Any:
        kind, text = node.tag.removeprefix(_TAG), node.value
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind in {"int", "float"} and len(text) > _LONGEST_NUMBER:
            self.refuse(
                node, path, f"is a number of {len(text)} characters; at most {_LONGEST_NUMBER} are read"
            )
            return None
        if kind == "int":
            return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)
        if kind == "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if kind not in {"str", "merge"}:
            self.refuse(node, path, f"has the tag {show(node.tag)}; scenarios use no tags")
        return text
