"""A scene graph as bit masks, and functional programs run on it.

Bit i of a mask stands for object i.
"""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from .vocabulary import ATTRIBUTES, DIRECTIONS, VALUES

Filters = tuple[str | None, str | None, str | None, str | None]
"""Value of each of `ATTRIBUTES` that objects must have; `None`: any."""

Node = dict[str, Any]
"""A step of a program, as in CLEVR's question files: ``function``, ``inputs``, ``value_inputs``."""


class IllPosedError(ValueError):
    """A program asks for the one object of a set that has none or several."""


def restricted(values: Filters, bits: int) -> Filters:
    """Return the values whose bit is set."""
    return tuple(v if bits >> k & 1 else None for k, v in enumerate(values))  # type: ignore[return-value]


class SceneView:
    """Fast look-up of a scene graph.

    Args:
        scene: as in CLEVR's scene files; ``objects`` and ``relationships`` are used.
    """

    def __init__(self, scene: Mapping[str, Any]) -> None:
        objects = scene["objects"]
        self.num_objects = len(objects)
        self.all = (1 << self.num_objects) - 1
        self.values: list[Filters] = [(o["size"], o["color"], o["material"], o["shape"]) for o in objects]
        self.masks = {
            value: sum(1 << i for i, own in enumerate(self.values) if own[k] == value)
            for k, name in enumerate(ATTRIBUTES)
            for value in VALUES[name]
        }
        self.alike = [[self.select(self.all, restricted(v, bits)) for bits in range(16)] for v in self.values]
        """Objects that share a subset of an object's values, by object and subset (bit k: attribute k)."""
        self.beside = {
            name: [sum(1 << j for j in found) for found in scene["relationships"][name]] for name in DIRECTIONS
        }
        self.same = {
            name: [self.masks[str(values[k])] & ~(1 << i) for i, values in enumerate(self.values)]
            for k, name in enumerate(ATTRIBUTES)
        }

    def select(self, mask: int, filters: Sequence[str | None]) -> int:
        """Return the objects of ``mask`` that pass the filters."""
        for value in filters:
            if value is not None:
                mask &= self.masks[value]
        return mask

    def others(self, index: int) -> int:
        """Return all objects but one."""
        return self.all & ~(1 << index)


def run_program(view: SceneView, program: Sequence[Node], replaced: int = -1) -> str:
    """Return the answer of a program.

    Args:
        view: the scene.
        program: each step's inputs come before it.
        replaced: a step whose relation is ignored: all objects other than its input pass.

    Raises:
        IllPosedError: if ``unique`` meets none or several objects.
    """
    results: list[Any] = []
    for number, node in enumerate(program):
        inputs = [results[i] for i in node["inputs"]]
        values = node["value_inputs"]
        results.append(_step(view, node["function"], inputs, values[0] if values else "", number == replaced))
    answer = results[-1]
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return str(answer)


def _step(view: SceneView, function: str, inputs: list[Any], value: str, replaced: bool) -> Any:
    """Return the result of one step: a mask, an object's number, a count, a value or a truth."""
    first = inputs[0] if inputs else view.all
    verb, _, name = function.partition("_")
    if verb in ("equal", "greater", "less"):
        compare = {"equal": operator.eq, "greater": operator.gt, "less": operator.lt}[verb]
        result: Any = compare(first, inputs[1])
    elif verb in ("relate", "same"):
        whole = view.beside[value] if verb == "relate" else view.same[name]
        result = view.others(first) if replaced else whole[first]
    elif verb == "filter":
        result = first & view.masks[value]
    elif verb == "query":
        result = view.values[first][ATTRIBUTES.index(name)]
    elif verb == "unique":
        if first.bit_count() != 1:
            raise IllPosedError(f"{first.bit_count()} objects where one was asked for")
        result = first.bit_length() - 1
    else:
        result = {"scene": first, "count": first.bit_count(), "exist": first != 0}[function]
    return result


def step(program: list[Node], function: str, *inputs: int, value: str | None = None) -> int:
    """Append a step to a program and return its number."""
    program.append({"inputs": list(inputs), "function": function, "value_inputs": [] if value is None else [value]})
    return len(program) - 1


def filter_steps(program: list[Node], base: int, filters: Filters) -> int:
    """Append a filter for each value and return the number of the last step."""
    for name, value in zip(ATTRIBUTES, filters, strict=True):
        if value is not None:
            base = step(program, f"filter_{name}", base, value=value)
    return base
