"""Questions with choices: what the receiver's model is told, and what tells two of them apart."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tokencom.models.taichi.prompts import Templates, task_of

sys.path.insert(0, str(Path(__file__).parent))
from small_taichi import asking, small

CHOICES = ("red", "<blue>", "green")


def chosen(choices=CHOICES, **more):
    sample = asking(1, "What color is the cube?")
    return replace(sample, inputs={**sample.inputs, "choices": choices, **more})


def test_choices_have_letters_behind_hint_and_question():
    found = Templates("chat").input("choice", {"question": "Which?", "hint": "Look.", "choices": CHOICES})
    assert found == "Look.\nWhich?\nA. red\nB.  blue \nC. green"
    assert Templates("chat").input("choice", {"question": "Which?", "choices": CHOICES[:1]}) == "Which?\nA. red"
    assert "letter" in Templates("chat").instruction("choice")


def test_more_choices_than_letters_are_refused():
    with pytest.raises(ValueError, match="choices: 27 given; at most 26"):
        Templates("chat").input("choice", {"question": "Which?", "choices": ["red"] * 27})


def test_a_question_with_choices_is_a_task_of_its_own():
    assert task_of(chosen().inputs) == "choice"
    assert task_of(chosen(()).inputs) == task_of(asking(1, "What?").inputs) == "vqa"
    assert task_of({"image": None}) == "captioning"


@pytest.mark.parametrize("question", ["at_receiver", "sent"])
def test_choices_are_read_where_the_question_is(question):
    system = small(question=question)
    name = "sent_ids" if question == "sent" else "ids"
    asked = system.collate([chosen()])[name][0].tolist()
    words = [word for word in CHOICES if system.texts.ids(word)[0] in asked]
    assert {"red", "green"} <= set(words)
    assert len(asked) > len(system.collate([asking(1, "What color is the cube?")])[name][0])
    turned = (*CHOICES[1:], CHOICES[0])
    assert (system.key(chosen()) == system.key(chosen(turned))) == (question == "at_receiver")
