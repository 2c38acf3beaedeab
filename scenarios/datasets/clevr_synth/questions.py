"""Questions about a scene: checked, different from each other, and with balanced answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .families import FAMILIES, MANY, Draft, Family
from .names import NAMES
from .view import IllPosedError, Node, SceneView, run_program
from .vocabulary import VALUES
from .words import Choices

ATTEMPTS = 10
"""Drafts of a question with one answer before another answer or family is taken."""


@dataclass(frozen=True)
class Question:
    """A question.

    Args:
        family: its name.
        family_index: position of the family in :data:`~.names.NAMES`.
        text: English.
        answer: one word or number.
        program: functional program as in CLEVR's question files.
    """

    family: str
    family_index: int
    text: str
    answer: str
    program: list[Node]


def sample_questions(
    view: SceneView, rng: np.random.Generator, number: int, families: Sequence[str] = NAMES
) -> list[Question]:
    """Draw questions about a scene.

    Families take turns in random order, so one occurs twice only after all had a chance. In each the
    answer is drawn first, evenly over what the family can have, and then a question that has it. Where no two
    objects have one colour, nobody asks how many others have that of an object: it would always be none.

    Args:
        view: the scene.
        rng: source of all randomness.
        number: how many.
        families: names to choose from.

    Raises:
        ValueError: if the scene has not so many different questions.
    """
    choices = Choices(rng)
    questions: list[Question] = []
    asked: set[str] = set()
    for _ in range(8 + 4 * number // len(families)):
        for name in choices.shuffled(families):
            if len(questions) == number:
                return questions
            index = NAMES.index(name)
            found = _draw(FAMILIES[index], view, choices)
            if found is None or (name == "count_same_color" and not any(view.same["color"])):
                continue
            if (key := str(found[0].program)) not in asked:
                asked.add(key)
                draft, answer = found
                questions.append(Question(name, index, draft.text, answer, draft.program))
    if len(questions) == number:
        return questions
    raise ValueError(
        f"questions_per_image: {number} asked for, but a scene of {view.num_objects} objects has only "
        f"{len(questions)} in these families; take fewer, or more families"
    )


def _draw(family: Family, view: SceneView, choices: Choices) -> tuple[Draft, str] | None:
    """Return a sound question of a family and its answer, or `None` if none was found.

    A family with two answers is asked about a scene only if the scene has questions with both, so
    that neither is more likely.
    """
    order = _answer_order(family, view, choices)
    two = family.answers in ("yes_no", "size", "material")
    if two and len(order) < 2:
        return None
    found: dict[str, tuple[Draft, str]] = {}
    for wanted in order:
        for _ in range(0 if wanted in found else ATTEMPTS):
            draft = family.make(view, choices, wanted)
            answer = sound_answer(view, draft.program) if draft else None
            if draft is None or answer is None:
                continue
            kind = MANY if family.answers == "count" and int(answer) > 4 else answer
            found.setdefault(kind, (draft, answer))
            if wanted in found:
                break
        if two and wanted not in found:
            return None
        if not two and wanted in found:
            return found[wanted]
    return found.get(order[0])


def _answer_order(family: Family, view: SceneView, choices: Choices) -> list[str]:
    """Return the answers that a family can have in a scene, in the order in which to try them."""
    if family.answers == "yes_no":
        return choices.shuffled(["yes", "no"])
    if family.answers == "count":
        return choices.shuffled(["0", "1", "2", "3", "4", MANY])
    return choices.shuffled([value for value in VALUES[family.answers] if view.masks[value]])


def sound_answer(view: SceneView, program: list[Node]) -> str | None:
    """Return a program's answer, or `None` if the question should not be asked.

    It should not if a description fits none or several objects where one is meant, or if the answer
    stays the same when a relation is ignored. (The last relation of an existence question with
    answer "yes" is exempt, as an object found with it is found without it.)
    """
    try:
        answer = run_program(view, program)
    except IllPosedError:
        return None
    relations = [i for i, node in enumerate(program) if node["function"].startswith(("relate", "same_"))]
    if relations and program[-1]["function"] == "exist" and answer == "yes":
        relations.pop()
    for relation in relations:
        try:
            if run_program(view, program, replaced=relation) == answer:
                return None
        except IllPosedError:
            pass
    return answer
