"""Which objects the words of a question speak of, as a further loss for attention.

CLEVR's questions come with the program that answers them, and every picture with its objects. So it is known what each
noun phrase names, and what is left after each step from the first object that is named to the one that is asked for:

```
what color is the  thing  left of the  red  cube ?  <output>
                     │                       │         ├── 0 steps before the end: what is left of the red cube
                     └ every object          └ cubes   └── 1 step before the end: the red cube
                                               in red
```
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from .cells import cell_of

NOUNS = {
    "cube": "cube", "block": "cube", "sphere": "sphere", "ball": "sphere", "cylinder": "cylinder",
    "thing": None, "object": None,
}  # fmt: skip
"""Shapes by the nouns of CLEVR's questions; `None` for any shape."""

ADJECTIVES = {
    "large": ("size", "large"), "big": ("size", "large"), "small": ("size", "small"), "tiny": ("size", "small"),
    "rubber": ("material", "rubber"), "matte": ("material", "rubber"), "metal": ("material", "metal"),
    "metallic": ("material", "metal"), "shiny": ("material", "metal"),
    **{name: ("color", name) for name in ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")},
}  # fmt: skip
"""Attribute and value by the adjectives of CLEVR's questions."""

NOUN = -1
"""In place of a step: what a noun phrase names."""

NUM_STEPS = 3
"""Steps that count, from the end."""

Objects = Sequence[Mapping[str, Any]]


def noun_phrases(words: Sequence[str], objects: Objects) -> list[tuple[int, set[int]]]:
    """Return the place of every noun in a question, with the objects that it names together with its adjectives.

    Args:
        words: of the question, one for each token.
        objects: of a scene, as in CLEVR's scene files.

    Example:
        >>> objects = [{"shape": "cube", "color": "red"}, {"shape": "cube", "color": "blue"}]
        >>> noun_phrases(["how many", "red", "cubes", "are there", "?"], objects)
        [(2, {0})]
    """
    found = []
    for place, word in enumerate(words):
        noun = word if word in NOUNS else word.removesuffix("s")
        if noun not in NOUNS:
            continue
        wanted = [] if NOUNS[noun] is None else [("shape", NOUNS[noun])]
        start = place
        while start and words[start - 1] in ADJECTIVES:
            start -= 1
            wanted.append(ADJECTIVES[words[start]])
        found.append((place, {n for n, item in enumerate(objects) if all(item[a] == value for a, value in wanted)}))
    return found


def question_steps(program: Sequence[Mapping[str, Any]], scene: Mapping[str, Any]) -> list[set[int]]:
    """Return the objects that each step of a program leaves, from its last step back to its first.

    A step ends where an object is asked for its neighbours or its like, and the last one where objects are counted,
    queried or compared; steps of two branches at the same place are taken together.

    Args:
        program: of a question, as in CLEVR's question files.
        scene: as in CLEVR's scene files, with ``relationships``.

    Example:
        >>> scene = {"objects": [{"shape": "cube"}, {"shape": "sphere"}], "relationships": {"left": [[1], []]}}
        >>> said = [("scene", [], []), ("filter_shape", [0], ["cube"]), ("unique", [1], []), ("relate", [2], ["left"]),
        ...         ("count", [3], [])]
        >>> question_steps([dict(zip(("function", "inputs", "value_inputs"), one)) for one in said], scene)
        [{1}, {0}]
    """
    sets: list[tuple[set[int], int] | None] = []
    left: list[set[int]] = [set() for _ in program]
    last: set[int] = set()
    for node in program:
        function = node["function"]
        before = [found for found in (sets[one] for one in node["inputs"]) if found is not None]
        if function == "scene":
            sets.append((set(range(len(scene["objects"]))), 0))
        elif function == "relate" or function.startswith("same_"):
            ((own, hops),) = before
            left[hops] |= own
            sets.append((_others(node, own, scene), hops + 1))
        elif function in ("union", "intersect"):
            (one, hops), (two, others) = before
            sets.append((one | two if function == "union" else one & two, max(hops, others)))
        elif function == "unique" or function.startswith("filter_"):
            ((own, hops),) = before
            sets.append((_filtered(node, own, scene), hops))
        else:
            last = last.union(*(own for own, _ in before))
            sets.append(None)
    most = max(hops for found in sets if found is not None for hops in found[1:])
    return [last, *left[:most][::-1]]


def _filtered(node: Mapping[str, Any], own: set[int], scene: Mapping[str, Any]) -> set[int]:
    """Return which of some objects have an attribute's value; all of them for the step "unique"."""
    name = node["function"].removeprefix("filter_")
    return own if name == "unique" else {one for one in own if scene["objects"][one][name] == node["value_inputs"][0]}


def _others(node: Mapping[str, Any], own: set[int], scene: Mapping[str, Any]) -> set[int]:
    """Return the neighbours of an object in a direction, or those that are like it."""
    (one,) = own
    if node["function"] == "relate":
        return set(scene["relationships"][node["value_inputs"][0]][one])
    name, objects = node["function"].removeprefix("same_"), scene["objects"]
    return {n for n, item in enumerate(objects) if n != one and item[name] == objects[one][name]}


class Referents(NamedTuple):
    """Where the objects lie that something speaks of; only what speaks of at least one object is in it.

    Args:
        row: [n], torch.int64; whose words, or whose question.
        place: [n], torch.int64; the token in the row.
        step: [n], torch.int64; 0 for the last step of a question, 1 for the one before..., :data:`NOUN` for a noun.
        cells: [n, num_cells], torch.bool.
    """

    row: torch.Tensor
    place: torch.Tensor
    step: torch.Tensor
    cells: torch.Tensor

    @classmethod
    def of(cls, found: Sequence[tuple[int, int, int, torch.Tensor]], num_cells: int) -> "Referents":
        """Return what was found, one entry after the other."""
        row, place, step = torch.tensor([entry[:3] for entry in found], dtype=torch.int64).reshape(-1, 3).unbind(1)
        empty = torch.zeros(0, num_cells, dtype=torch.bool)
        return cls(row, place, step, torch.stack([entry[3] for entry in found]) if found else empty)

    @classmethod
    def within(cls, batch: Mapping[str, torch.Tensor]) -> "Referents":
        """Return those of a batch that has :meth:`entries`."""
        return cls(*(batch[f"referent_{name}"] for name in cls._fields))

    def entries(self) -> dict[str, torch.Tensor]:
        """Return them under the names that they have in a batch."""
        return {f"referent_{name}": tensor for name, tensor in self._asdict().items()}

    def of_step(self, number: int) -> "Referents":
        """Return those of a step."""
        own = self.step == number
        return Referents(*(tensor[own] for tensor in self))


def spoken_of(
    sample: Any, grid: tuple[int, int], words: Sequence[str] = ()
) -> list[tuple[int, int, torch.Tensor]]:  # fmt: skip
    """Return place, step and cells of what a question speaks of; the steps have the place of the last word.

    Args:
        sample: with a picture in ``inputs["image"]``, and ``scene`` and ``program`` in ``extra``.
        grid: cells of the picture along height and width.
        words: of the question, one for each token; none where only its steps count.
    """
    scene, size = sample.extra["scene"], sample.inputs["image"].shape[:2]
    where = [cell_of(one, size, grid) for one in scene["objects"]]
    said = [(place, NOUN, named) for place, named in noun_phrases(words, scene["objects"])]
    steps = question_steps(sample.extra["program"], scene)[:NUM_STEPS]
    said += [(max(0, len(words) - 1), number, left) for number, left in enumerate(steps)]
    found = []
    for place, number, objects in said:
        if objects:
            cells = torch.zeros(grid[0] * grid[1], dtype=torch.bool)
            cells[[where[one] for one in objects]] = True
            found.append((place, number, cells))
    return found


def divergence(attention: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Return the mean Kullback-Leibler divergence of attention from a uniform one to the cells, nats, a scalar.

    Args:
        attention: logarithms, [n, num_cells].
        cells: [n, num_cells], torch.bool, at least one of each row.
    """
    there = cells.to(attention)
    return nn.functional.kl_div(attention, there / there.sum(1, keepdim=True), reduction="batchmean")


def referent_loss(
    referents: Referents, attention: Callable[[Referents, int], torch.Tensor], steps: Sequence[int] = range(NUM_STEPS)
) -> torch.Tensor:
    """Return the divergence of attention from what is spoken of, summed over steps.

    Args:
        referents: of a batch.
        attention: gives logarithms of attention to the cells, [n, num_cells], for those of a step and its number.
        steps: that count; :data:`NOUN` for nouns.
    """
    total = torch.zeros((), device=referents.step.device)
    for number in steps:
        own = referents.of_step(number)
        if len(own.row):
            total = total + divergence(attention(own, number).float(), own.cells)
    return total


def layers_loss(
    referents: Referents, attention: Callable[[Referents, int], torch.Tensor], num_layers: int, num_before: int = 0
) -> torch.Tensor:  # fmt: skip
    """Return :func:`referent_loss` of a receiver of Transformer layers, summed over nouns and steps.

    Nouns are looked at in the first layer of which the input knows the words before them, so that the noun of "small
    red cube" can stand for all three words: this is the model's second. The last token of a question is looked at in
    the last layers: one layer earlier for each step before the end.

    Args:
        referents: of a batch.
        attention: gives logarithms of attention to the cells, [n, num_cells], for some of them and a layer's number.
        num_layers: of the receiver.
        num_before: layers that its texts have passed before these.
    """
    nouns = min(num_layers - 1, max(0, 1 - num_before))

    def of_step(own: Referents, number: int) -> torch.Tensor:
        return attention(own, nouns if number == NOUN else max(nouns, num_layers - 1 - number))

    return referent_loss(referents, of_step, (NOUN, *range(NUM_STEPS)))


def steps_loss(looked: Sequence[torch.Tensor], referents: Referents) -> torch.Tensor:
    """Return :func:`referent_loss` of a receiver that looks at the picture in steps.

    Args:
        looked: scores before the softmax, [num_questions, num_cells], of each step that a receiver takes.
        referents: of the questions; a step before the end is looked for one step before the last.
    """

    def attention(own: Referents, number: int) -> torch.Tensor:
        return looked[max(0, len(looked) - 1 - number)][own.row].float().log_softmax(-1)

    return referent_loss(referents, attention)
