"""Captions of a scene, made from its graph: everything that they say is true."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from .parts import EMPTY
from .view import Filters, SceneView
from .vocabulary import ATTRIBUTES, DIRECTIONS, SHAPES
from .words import Choices, beside, members, noun, with_article

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def listed(phrases: list[str]) -> str:
    """Return phrases joined by commas and "and".

    Example:
        >>> listed(["a cube", "two balls", "a thing"])
        'a cube, two balls and a thing'
    """
    return phrases[0] if len(phrases) == 1 else ", ".join(phrases[:-1]) + " and " + phrases[-1]


def sample_captions(scene: Mapping[str, Any], rng: np.random.Generator, number: int) -> tuple[str, ...]:
    """Return captions of a scene; the templates take turns, the first lists every object.

    Args:
        scene: as in CLEVR's scene files.
        rng: source of all randomness.
        number: how many.
    """
    view, choices = SceneView(scene), Choices(rng)
    templates = (_full_list, _by_shape, _relation, _summary)
    captions: list[str] = []
    for turn in range(number):
        captions.append(_sentence(templates[turn % len(templates)](view, choices)))
    return tuple(captions)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _counted(choices: Choices, filters: Filters, count: int) -> str:
    """Return "a red ball" or "two red balls"."""
    if count == 1:
        return with_article(noun(choices, filters))
    return f"{NUMBERS[count]} {noun(choices, filters, plural=True)}"


def _full_list(view: SceneView, choices: Choices) -> str:
    """Return all objects with all attributes, from left to right."""
    order = sorted(range(view.num_objects), key=lambda i: view.beside["left"][i].bit_count())
    groups = Counter(view.values[i] for i in order)
    phrases = [_counted(choices, values, count) for values, count in groups.items()]
    return choices.pick(["a picture of {}", "the picture shows {}", "{} on a gray plane"]).format(listed(phrases))


def _by_shape(view: SceneView, choices: Choices) -> str:
    """Return how many objects of each shape there are."""
    shapes = [shape for shape in choices.shuffled(SHAPES) if view.masks[shape]]
    phrases = [_counted(choices, (None, None, None, shape), view.masks[shape].bit_count()) for shape in shapes]
    verb = "is" if phrases[0].startswith(("a ", "an ")) else "are"
    return choices.pick([f"there {verb} {{}}", "a scene with {}"]).format(listed(phrases))


def _relation(view: SceneView, choices: Choices) -> str:
    """Return where one object lies from another."""
    first = choices.below(view.num_objects)
    places = [(name, other) for name in DIRECTIONS for other in members(view.beside[name][first])]
    if not places:
        return _summary(view, choices)
    name, other = choices.pick(places)
    one, two = (with_article(noun(choices, view.values[i])) for i in (other, first))
    return f"{one} is {beside(choices, name)} {two}"


def _summary(view: SceneView, choices: Choices) -> str:
    """Return the number of objects, and how many have one of their values."""
    k = choices.below(3)
    value = view.values[choices.below(view.num_objects)][k] or ""
    filters: Filters = tuple(value if name == ATTRIBUTES[k] else None for name in ATTRIBUTES)  # type: ignore[assignment]
    all_of_them = _counted(choices, EMPTY, view.num_objects)
    some = _counted(choices, filters, view.masks[value].bit_count())
    return f"{all_of_them}, among them {some}" if view.masks[value] != view.all else f"{some} and nothing else"
