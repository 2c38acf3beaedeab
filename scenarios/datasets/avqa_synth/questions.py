"""The questions about a clip: family, words and answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .graph import SOUNDS, Event, EventGraph


@dataclass(frozen=True)
class Question:
    """A question about a clip.

    Args:
        family: what it needs and what it asks, "both/which".
        text: the words.
        answer: one or two words.
        thing: number of the object that the words name; `None` if they name none.
        sound: the sound that the words name: one of :data:`ORDINALS`, or a kind that is heard once;
            or `None`.
    """

    family: str
    text: str
    answer: str
    thing: int | None = None
    sound: str | None = None


ORDINALS = {"first": 0, "second": 1, "third": 2, "last": -1}
"""Words for the place of a sound among the sounds."""

Draw = Callable[[np.random.Generator, EventGraph], Question | None]


def named_sound(graph: EventGraph, sound: str) -> Event:
    """Return the event that ``Question.sound`` means."""
    if sound in SOUNDS:
        return next(event for event in graph.sounds if event.sound == sound)
    return graph.sounds[ORDINALS[sound]]


def _kind(rng: np.random.Generator, graph: EventGraph) -> Question:
    which = ("first", "last")[rng.integers(2)]
    answer = named_sound(graph, which).sound
    return Question("audio/kind", f"What kind of sound is heard {which}?", answer, sound=which)


def _pitch(rng: np.random.Generator, graph: EventGraph) -> Question | None:
    kinds = []
    for kind in ("tone", "chord"):
        levels = [event.level for event in graph.sounds if event.sound == kind]
        if len(levels) > 1 and levels[0] != levels[-1]:
            kinds.append((kind, "higher" if levels[-1] > levels[0] else "lower"))
    if not kinds:
        return None
    kind, answer = kinds[rng.integers(len(kinds))]
    return Question("audio/pitch", f"Is the last {kind} higher or lower than the first {kind}?", answer)


def _alike(rng: np.random.Generator, graph: EventGraph) -> Question | None:
    same = graph.sounds[0].sound == graph.sounds[-1].sound
    if not same and rng.random() < 0.5:  # one in three is the same: half of the others are not asked
        return None
    return Question("audio/alike", "Are the first and the last sound of the same kind?", _yes(same))


def _colour(rng: np.random.Generator, graph: EventGraph) -> Question:
    directions = [thing.direction for thing in graph.things]
    shapes = [thing.shape for thing in graph.things]
    named = [("object that jumps first", graph.things[graph.events[0].thing])]
    for thing in graph.things:
        if shapes.count(thing.shape) == 1:
            named.append((thing.shape, thing))
        if directions.count(thing.direction) == 1:
            named.append((f"object that moves {thing.direction}", thing))
    name, thing = named[rng.integers(len(named))]
    return Question("video/colour", f"What colour is the {name}?", thing.colour)


def _shape(rng: np.random.Generator, graph: EventGraph) -> Question:
    thing = graph.things[rng.integers(len(graph.things))]
    return Question("video/shape", f"What shape is the {thing.colour} object?", thing.shape)


def _direction(rng: np.random.Generator, graph: EventGraph) -> Question:
    thing = graph.things[rng.integers(len(graph.things))]
    return Question("video/direction", f"In which direction does the {thing} move?", thing.direction)


def _some_sound(rng: np.random.Generator, graph: EventGraph) -> tuple[str, str]:
    kinds = [event.sound for event in graph.sounds]
    once = [kind for kind in SOUNDS if kinds.count(kind) == 1]
    if once and rng.random() < 0.75:
        kind = once[rng.integers(len(once))]
        return kind, f"the only {kind}"
    words = [word for word, place in ORDINALS.items() if place < len(kinds)]
    which = words[rng.integers(len(words))]
    return which, f"the {which} sound"


def _which(rng: np.random.Generator, graph: EventGraph) -> Question:
    sound, words = _some_sound(rng, graph)
    answer = graph.things[named_sound(graph, sound).thing].colour
    return Question("both/which", f"What colour is the object that makes {words}?", answer, sound=sound)


def _drift(rng: np.random.Generator, graph: EventGraph) -> Question:
    sound, words = _some_sound(rng, graph)
    answer = graph.things[named_sound(graph, sound).thing].direction
    text = f"In which direction does the object that makes {words} move?"
    return Question("both/direction", text, answer, sound=sound)


def _by_answer(rng: np.random.Generator, answers: list[str], choices: list[str] | None = None) -> tuple[int, str]:
    """Return an object and its answer: each of the choices, or answers that occur, is equally likely."""
    choices = choices or sorted(set(answers))
    answer = choices[rng.integers(len(choices))]
    things = [i for i, a in enumerate(answers) if a == answer]
    return things[rng.integers(len(things))], answer


def _what(rng: np.random.Generator, graph: EventGraph) -> Question:
    first = [graph.jumps(i)[0].sound or "none" for i in range(len(graph.things))]
    heard = [kind for kind in first if kind != "none"]
    silent = not heard or ("none" in first and rng.random() < 0.2)  # so that "none" is no safe guess
    i, answer = _by_answer(rng, first, choices=["none"] if silent else sorted(set(heard)))
    text = f"What kind of sound is heard when the {graph.things[i]} first jumps?"
    return Question("both/what", text, answer, thing=i)


def _when(rng: np.random.Generator, graph: EventGraph) -> Question | None:
    heard = [_yes(graph.jumps(i)[0].sound) for i in range(len(graph.things))]
    if len(set(heard)) == 1:
        return None
    i, answer = _by_answer(rng, heard)
    text = f"Is there a sound when the {graph.things[i]} first jumps?"
    return Question("both/when", text, answer, thing=i)


def _number(rng: np.random.Generator, graph: EventGraph) -> Question:
    counts = [str(sum(1 for e in graph.jumps(i) if e.sound)) for i in range(len(graph.things))]
    i, answer = _by_answer(rng, counts)
    return Question("both/count", f"How many sounds does the {graph.things[i]} make?", answer, thing=i)


def _same(rng: np.random.Generator, graph: EventGraph) -> Question | None:
    same = len(graph.sounds) == len(graph.things)
    if not same and rng.random() < 0.5:  # as in _alike, for every number of sounds and of objects
        return None
    text = "Is the number of sounds the same as the number of objects?"
    return Question("both/same", text, _yes(same))


def _yes(truth: object) -> str:
    return "yes" if truth else "no"


FALLBACK = {"audio": "audio/kind", "video": "video/shape", "both": "both/which"}
"""Asked instead of a family that a clip doesn't admit: that it doesn't tells next to nothing about the answer."""

FAMILIES: Mapping[str, Draw] = {
    "audio/count": lambda rng, g: Question("audio/count", "How many sounds are heard?", str(len(g.sounds))),
    "audio/kind": _kind,
    "audio/pitch": _pitch,
    "audio/alike": _alike,
    "video/count": lambda rng, g: Question("video/count", "How many objects are seen?", str(len(g.things))),
    "video/colour": _colour,
    "video/shape": _shape,
    "video/direction": _direction,
    "both/which": _which,
    "both/direction": _drift,
    "both/what": _what,
    "both/when": _when,
    "both/count": _number,
    "both/same": _same,
}
"""By name: a function that draws a question, or `None` where the clip admits (or balance allows) none."""

NEEDS = ("audio", "video", "both")
"""What a family needs: the part of its name before the stroke."""


def ask(rng: np.random.Generator, graph: EventGraph, num_questions: int) -> tuple[Question, ...]:
    """Draw the questions about a clip: as many of each need as of the others, no two alike.

    Args:
        rng: the only source of randomness.
        graph: the clip.
        num_questions: 1...9.
    """
    questions: list[Question] = []
    needs = rng.permutation(NEEDS)
    queues = {need: rng.permutation([f for f in FAMILIES if f.startswith(need)]).tolist() for need in NEEDS}
    asked: set[str] = set()
    while len(questions) < num_questions:
        need = str(needs[len(questions) % len(needs)])
        family = queues[need].pop(0)
        question = FAMILIES[family](rng, graph)
        if question is None:  # never tried again for this clip: that would undo the balance
            question = FAMILIES[FALLBACK[need]](rng, graph)
        else:
            queues[need].append(family)
        if question is not None and question.text not in asked:
            asked.add(question.text)
            questions.append(question)
    return tuple(questions)
