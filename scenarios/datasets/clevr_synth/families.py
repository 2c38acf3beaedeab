"""Families of questions: how each draws a question about a scene.

A family's draft may be wrong (ill-posed, or answerable without its relation); the caller checks it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .parts import Chain, counted_filters, describe, joined, refer, related, some_filters, whole_scene
from .view import Node, SceneView, filter_steps, step
from .vocabulary import ATTRIBUTES
from .words import Choices, members, noun, with_article


@dataclass(frozen=True)
class Draft:
    """A question before it is checked.

    Args:
        text: English.
        program: functional program.
    """

    text: str
    program: list[Node]


Maker = Callable[[SceneView, Choices, str], Draft | None]
"""From scene, random choices and the answer that is wanted to a draft, which may have another answer."""

MANY = "5 or more"
"""Stands for all large counts when answers are balanced."""


@dataclass(frozen=True)
class Family:
    """A family of questions.

    Args:
        name: readable, such as "count_relate".
        make: draws a question.
        answers: those to balance: "yes_no", "count", or the attribute that is asked for.
    """

    name: str
    make: Maker
    answers: str


def _chain(view: SceneView, choices: Choices, program: list[Node], hops: int, same: str) -> Chain | None:
    """Return the chain over relations in space, or over the same value of an attribute."""
    if not same:
        return related(view, choices, program, hops)
    anchor = refer(view, choices, program, whole_scene(view, program), banned=(same,))
    if anchor is None:
        return None
    verb = "made of the same material as" if same == "material" and choices.chance(0.5) else f"the same {same} as"
    node = step(program, f"same_{same}", anchor.node)
    phrase = f"{verb} the {anchor.phrase}"
    return Chain(view.same[same][anchor.index], node, view.others(anchor.index), phrase, (same,))


def _has(phrase: str, plural: bool = False) -> str:
    """Return the verb before "the same color as" or "made of the same material as"."""
    if phrase.startswith("made"):
        return "are" if plural else "is"
    return "have" if plural else "has"


def _exist(view: SceneView, choices: Choices, wanted: str, *, hops: int = 0, same: str = "") -> Draft | None:
    program: list[Node] = []
    chain = _chain(view, choices, program, hops, same)
    if chain is None:
        return None
    number = 1 + choices.below(2) if wanted == "yes" else 0
    filters = counted_filters(view, choices, chain, number, least=0 if chain.phrase else 1)
    if filters is None:
        return None
    step(program, "exist", filter_steps(program, chain.node, filters))
    one, many = noun(choices, filters), noun(choices, filters, plural=True)
    where = chain.phrase
    if same:
        texts = [
            f"Are there any other {many} that {_has(where, True)} {where}?",
            f"Is there another {one} that {_has(where)} {where}?",
        ]
    elif where:
        texts = [f"Are there any {joined(choices, many, where, True)}?",
                 f"Is there {with_article(joined(choices, one, where))}?"]  # fmt: skip
    else:
        texts = [f"Are there any {many}?", f"Is there {with_article(one)}?", f"Are any {many} visible?"]
    return Draft(choices.pick(texts), program)


def _count(view: SceneView, choices: Choices, wanted: str, *, hops: int = 0, same: str = "") -> Draft | None:
    program: list[Node] = []
    chain = _chain(view, choices, program, hops, same)
    if chain is None:
        return None
    number = 5 + choices.below(3) if wanted == MANY else int(wanted)
    filters = counted_filters(view, choices, chain, number)
    if filters is None:
        return None
    step(program, "count", filter_steps(program, chain.node, filters))
    many, where = noun(choices, filters, plural=True), chain.phrase
    ask = choices.pick(["How many", "What number of"])
    if same:
        return Draft(f"{ask} other {many} {_has(where, True)} {where}?", program)
    return Draft(f"{ask} {many} are {where or 'there'}?", program)


_QUERIES = {
    "color": ["What color is the {}?", "What is the color of the {}?", "The {} is what color?"],
    "shape": ["What shape is the {}?", "What is the shape of the {}?", "The {} has what shape?"],
    "size": ["What size is the {}?", "What is the size of the {}?", "How big is the {}?"],
    "material": ["What material is the {}?", "What is the material of the {}?", "What is the {} made of?"],
}


def _query(
    view: SceneView, choices: Choices, wanted: str, *, attribute: str, hops: int = 0, same: bool = False
) -> Draft | None:
    program: list[Node] = []
    shared = choices.pick([name for name in ATTRIBUTES if name != attribute]) if same else ""
    chain = _chain(view, choices, program, hops, shared)
    targets = members(chain.mask & view.masks[wanted]) if chain else []
    if chain is None or not targets:
        return None
    filters = describe(view, choices, chain, choices.pick(targets), (attribute,))
    if filters is None:
        return None
    found = step(program, "unique", filter_steps(program, chain.node, filters))
    step(program, f"query_{attribute}", found)
    if same:
        phrase = f"other {noun(choices, filters)} that {_has(chain.phrase)} {chain.phrase}"
    else:
        phrase = joined(choices, noun(choices, filters), chain.phrase)
    return Draft(choices.pick(_QUERIES[attribute]).format(phrase), program)


_COMPARISONS = {
    "equal_integer": [
        "Are there an equal number of {} and {}?",
        "Are there the same number of {} and {}?",
        "Is the number of {} the same as the number of {}?",
    ],
    "greater_than": ["Are there more {} than {}?", "Is the number of {} greater than the number of {}?"],
    "less_than": ["Are there fewer {} than {}?", "Is the number of {} less than the number of {}?"],
}


def _compare_integer(view: SceneView, choices: Choices, wanted: str, *, function: str, hops: int = 0) -> Draft | None:
    program: list[Node] = []
    ways = (hops, 0) if choices.chance(0.5) else (0, hops)
    said, drawn, counts = [], [], []
    for way in ways:
        chain = related(view, choices, program, way)
        if chain is None:
            return None
        filters = some_filters(view, choices, chain, least=0 if way else 1)
        found = filter_steps(program, chain.node, filters)
        drawn.append((set(filters) - {None}, view.select(chain.mask, filters)))
        said.append(joined(choices, noun(choices, filters, plural=True), chain.phrase, True))
        counts.append(step(program, "count", found))
    (first, one), (second, two) = drawn
    if (
        not one | two
        or (not hops and (first <= second or second <= first))
        or (wanted == "yes" and not one and not two)
    ):
        return None
    step(program, function, *counts)
    return Draft(choices.pick(_COMPARISONS[function]).format(*said), program)


def _compare_attribute(
    view: SceneView, choices: Choices, wanted: str, *, attribute: str, hops: int = 0
) -> Draft | None:
    program: list[Node] = []
    first = refer(view, choices, program, whole_scene(view, program), banned=(attribute,))
    if first is None:
        return None
    chain = related(view, choices, program, hops, (attribute,), first.index)
    alike = view.same[attribute][first.index]
    among = alike if wanted == "yes" else view.others(first.index) & ~alike
    second = refer(view, choices, program, chain, banned=(attribute,), among=among) if chain else None
    if second is None:
        return None
    queries = [step(program, f"query_{attribute}", found.node) for found in (first, second)]
    step(program, f"equal_{attribute}", *queries)
    one, two = choices.shuffled([first.phrase, second.phrase])
    texts = [
        f"Do the {one} and the {two} have the same {attribute}?",
        f"Does the {one} have the same {attribute} as the {two}?",
        f"Is the {attribute} of the {one} the same as that of the {two}?",
    ]
    return Draft(choices.pick(texts), program)


def _families() -> list[Family]:
    """Return all families in the order of their numbers, which files rely on."""
    families = []
    for hops, suffix in enumerate(("", "_relate", "_relate_relate")):
        families.append(Family(f"exist{suffix}", partial(_exist, hops=hops), "yes_no"))
        families.append(Family(f"count{suffix}", partial(_count, hops=hops), "count"))
        for name in ATTRIBUTES:
            families.append(Family(f"query_{name}{suffix}", partial(_query, attribute=name, hops=hops), name))
    for name in ATTRIBUTES:
        families.append(Family(f"exist_same_{name}", partial(_exist, same=name), "yes_no"))
        families.append(Family(f"count_same_{name}", partial(_count, same=name), "count"))
        families.append(Family(f"query_{name}_same", partial(_query, attribute=name, same=True), name))
    for hops, suffix in enumerate(("", "_relate")):
        for function in _COMPARISONS:
            make: Maker = partial(_compare_integer, function=function, hops=hops)
            families.append(Family(f"{function}{suffix}", make, "yes_no"))
        for name in ATTRIBUTES:
            make = partial(_compare_attribute, attribute=name, hops=hops)
            families.append(Family(f"equal_{name}{suffix}", make, "yes_no"))
    return families


FAMILIES = tuple(_families())
"""In the order of :data:`~.names.NAMES`."""
