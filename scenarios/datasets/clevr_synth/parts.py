"""What questions are made of: references to one object, and chains that lead to a set of objects."""

from dataclasses import dataclass
from functools import cache

from .view import Filters, Node, SceneView, filter_steps, restricted, step
from .vocabulary import ATTRIBUTES, DIRECTIONS, VALUES
from .words import Choices, beside, members, noun

EMPTY: Filters = (None, None, None, None)


@dataclass(frozen=True)
class Chain:
    """A way to a set of objects.

    Args:
        mask: the set.
        node: its step in the program; the scene if there was no relation.
        base: the set without the last relation.
        phrase: the words that follow a noun, such as "left of the cube"; empty for the whole scene.
        banned: attributes that a description of members must not use.
    """

    mask: int
    node: int
    base: int
    phrase: str = ""
    banned: tuple[str, ...] = ()


@cache
def allowed_bits(banned: tuple[str, ...] = ()) -> list[int]:
    """Return all subsets of the attributes that use none of the banned ones."""
    ban = sum(1 << ATTRIBUTES.index(name) for name in banned)
    return [bits for bits in range(16) if not bits & ban]


def describe(
    view: SceneView, choices: Choices, chain: Chain, target: int, banned: tuple[str, ...] = ()
) -> Filters | None:
    """Return a description that fits one object of a chain's set only, and needs the chain to do so.

    Three times of four it is as short as possible.

    Args:
        view: the scene.
        choices: random choices.
        chain: leads to the set.
        target: the object.
        banned: attributes not to use, besides the chain's own.
    """
    fitting: list[int] = []
    for bits in allowed_bits(banned + chain.banned):
        found = chain.base & view.alike[target][bits]
        if found & chain.mask != 1 << target or (chain.phrase and found.bit_count() == 1):
            continue
        fitting.append(bits)
    if not chain.phrase:
        fitting = [bits for bits in fitting if bits]
    if not fitting:
        return None
    short = [bits for bits in fitting if not any(other != bits and other & bits == other for other in fitting)]
    return restricted(view.values[target], choices.pick(short if choices.chance(0.75) else fitting))


def whole_scene(view: SceneView, program: list[Node]) -> Chain:
    """Return the chain to all objects."""
    return Chain(view.all, step(program, "scene"), view.all)


@dataclass(frozen=True)
class Reference:
    """One object, said.

    Args:
        index: the object.
        node: the step that yields it.
        phrase: noun phrase without article.
    """

    index: int
    node: int
    phrase: str


def refer(
    view: SceneView,
    choices: Choices,
    program: list[Node],
    chain: Chain,
    *,
    banned: tuple[str, ...] = (),
    among: int = -1,
) -> Reference | None:
    """Append the steps to one object of a chain's set, and say it.

    Args:
        view: the scene.
        choices: random choices.
        program: is extended.
        chain: leads to the set.
        banned: attributes not to use.
        among: mask of objects to choose from.

    Returns:
        `None` if no description fits just one object.
    """
    for target in choices.shuffled(members(chain.mask & among)):
        filters = describe(view, choices, chain, target, banned)
        if filters is not None:
            node = step(program, "unique", filter_steps(program, chain.node, filters))
            return Reference(target, node, joined(choices, noun(choices, filters), chain.phrase))
    return None


def joined(choices: Choices, phrase: str, where: str, plural: bool = False) -> str:
    """Return a noun phrase with what follows it."""
    if not where:
        return phrase
    linked = ("that are " if plural else "that is ") if choices.chance(0.5) else ""
    return f"{phrase} {linked}{where}"


def related(
    view: SceneView, choices: Choices, program: list[Node], hops: int, banned: tuple[str, ...] = (), avoid: int = -1
) -> Chain | None:
    """Return the chain over one or more spatial relations.

    Args:
        view: the scene.
        choices: random choices.
        program: is extended.
        hops: number of relations; 0 for the whole scene.
        banned: attributes not to use on the way.
        avoid: an object not to start from.

    Returns:
        `None` if the draw led nowhere.
    """
    chain = whole_scene(view, program)
    for _ in range(hops):
        among = view.others(avoid) if avoid >= 0 else -1
        anchor = refer(view, choices, program, chain, banned=banned, among=among)
        if anchor is None:
            return None
        direction = choices.pick(DIRECTIONS)
        node = step(program, "relate", anchor.node, value=direction)
        phrase = f"{beside(choices, direction)} the {anchor.phrase}"
        chain = Chain(view.beside[direction][anchor.index], node, view.others(anchor.index), phrase)
    return chain


def altered(choices: Choices, values: Filters) -> Filters:
    """Return values of which one is drawn anew."""
    k = choices.below(4)
    return (*values[:k], choices.pick(VALUES[ATTRIBUTES[k]]), *values[k + 1 :])  # type: ignore[return-value]


def some_filters(view: SceneView, choices: Choices, chain: Chain, *, least: int = 0) -> Filters:
    """Return filters for a set that may be empty: the values of some object, at times one of them changed.

    Args:
        view: the scene.
        choices: random choices.
        chain: leads to the set from which the filters choose.
        least: least number of filters.
    """
    source = chain.mask if chain.mask and choices.chance(0.6) else view.all
    values = view.values[choices.pick(members(source))]
    if choices.chance(0.35):
        values = altered(choices, values)
    subsets = [bits for bits in allowed_bits(chain.banned) if least <= bits.bit_count() <= 3]
    return restricted(values, choices.pick(subsets))


def counted_filters(view: SceneView, choices: Choices, chain: Chain, number: int, *, least: int = 0) -> Filters | None:
    """Return filters that pass a given number of a chain's objects, and more if its relation is ignored.

    Args:
        view: the scene.
        choices: random choices.
        chain: leads to the set.
        number: how many objects shall pass.
        least: least number of filters.

    Returns:
        `None` if the draw led nowhere.
    """
    sources = members(chain.mask if number else chain.base & ~chain.mask if chain.phrase else view.all)
    if len(sources) < (number or 1):
        return None
    values = view.values[choices.pick(sources)]
    if not chain.phrase and not number:
        values = altered(choices, values)
    subsets = [bits for bits in allowed_bits(chain.banned) if least <= bits.bit_count() <= 3]
    for bits in choices.shuffled(subsets):
        filters = restricted(values, bits)
        if view.select(chain.mask, filters).bit_count() == number:
            return filters
    return None
