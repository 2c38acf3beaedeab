"""VQA's normalisation and soft accuracy: worked values, and the definition by leaving one out."""

from itertools import product

import numpy as np
import pytest

from tokencom.scenarios.metrics import normalize_answer, soft_accuracy


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("Yes.", "yes"), ("the red  car", "red car"), ("A", ""), ("Two", "2"), ("none", "0"), ("eleven", "eleven"),
        ("1,000", "1000"), ("3.5", "3.5"), ("3. 5", "3 5"), ("u.s.a.", "usa"), ("yes/no", "yes no"),
        ("yes, no", "yes no"),
        ("black-and-white", "black and white"), ("black - white", "black white"), ("4:30", "4:30"), ("dog's", "dog's"),
        ("dont", "don't"), ("Im not", "i'm not"), ("its", "its"), ("were", "were"), ("whats", "what's"),
        ("(left)", "left"), ("stop!", "stop"), ("\n a\tcat ", "cat"), ("", ""),
    ],
)  # fmt: skip
def test_normalisation(raw, normal):
    assert normalize_answer(raw) == normal


def test_normalising_twice_changes_nothing():
    words = ["The", "two", "dont", "a.", "x,y", "1,5", "yes/no", "o'clock", "-"]
    for text in map(" ".join, product(words, repeat=3)):
        once = normalize_answer(text)
        assert normalize_answer(once) in {once, once.replace("  ", " ")}


def test_soft_accuracy_is_the_mean_over_sets_of_nine():
    rng = np.random.default_rng(1)
    for _ in range(50):
        given = [str(x) for x in rng.choice(["red", "blue", "green"], 10)]
        sets = [given[:i] + given[i + 1 :] for i in range(10)]
        for answer in ("red", "blue", "black"):
            expected = np.mean([min(nine.count(answer) / 3, 1) for nine in sets])
            assert soft_accuracy(answer, given) == pytest.approx(expected, abs=1e-12)


def test_both_sides_are_normalised():
    assert soft_accuracy("2 dogs.", ["Two dogs"] * 10) == 1.0
    assert soft_accuracy("yes", ["yes"]) == 1.0
    with pytest.raises(ValueError, match="given: no answer"):
        soft_accuracy("yes", [])
