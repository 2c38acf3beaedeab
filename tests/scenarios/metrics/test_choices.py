"""Options, yes and no, MM-Vet's references and judgements, metrics of groups."""

import json

import numpy as np
import pytest

from tokencom.scenarios.datasets import ListDataset, Sample
from tokencom.scenarios.metrics import (
    GroupMetric,
    SelectedMean,
    contains_answer,
    judged_scores,
    letter_of,
    matches_answer,
    read_judgements,
    yes_or_no,
)

OPTIONS = ("a red car", "a dog", "the dog house", "none of these")


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("A", "A"), ("b", "B"), ("(C)", "C"), ("D.", "D"), ("B. a dog", "B"), ("The answer is C", "C"),
        ("answer: b", "B"), ("Option (D) fits", "D"), ("a dog", "B"), ("A dog.", "B"), ("It must be C here", "C"),
        ("I see a red car there", "A"), ("A or B", None), ("E", None), ("a cat", None),
        ("", None), ("A dog house", "C"),
    ],
)  # fmt: skip
def test_letters(answer, letter):
    assert letter_of(answer, OPTIONS) == letter


def test_no_options():
    with pytest.raises(ValueError, match="choices: 0 given"):
        letter_of("A", ())


@pytest.mark.parametrize(
    ("answer", "read"), [("Yes", "yes"), ("no.", "no"), ("Yes, no doubt", "yes"), ("It is not", None), ("", None)]
)
def test_yes_and_no(answer, read):
    assert yes_or_no(answer) == read


def test_mm_vet_references():
    assert matches_answer("TWO", "2<OR>two")
    assert not matches_answer("red car", "red<AND>car")
    assert contains_answer("a red bus", "red<AND>car<OR>bus") == 1.0
    assert contains_answer("a reddish car", "red<AND>car") == 0.5
    assert contains_answer("", "x") == 0.0


def test_judgements(tmp_path):
    path = tmp_path / "judge.json"
    path.write_text(json.dumps({"v1_0": {"score": [0.2, 0.4]}, "v1_1": 1, "v1_2": [0.5]}))
    scores = read_judgements(path)
    assert scores == pytest.approx({"v1_0": 0.3, "v1_1": 1.0, "v1_2": 0.5})
    samples = [
        Sample(id=f"v1_{i}", cluster=i, inputs={}, references=("x",), family=family)
        for i, family in enumerate(("ocr", "math_ocr", "know"))
    ]
    data = ListDataset(name="mm_vet", samples=samples)
    found = {name: estimate.value for name, estimate in judged_scores(data, path).items()}
    assert found == pytest.approx({"total": 60.0, "know": 50.0, "math": 100.0, "ocr": 65.0})
    path.write_text(json.dumps({"v1_0": 0.1}))
    with pytest.raises(ValueError, match=r"no score of 'v1_1' \(2 are missing\)"):
        judged_scores(data, path)
    for wrong in ("[1]", "{", '{"a": 1.5}', '{"a": {"score": "x"}}', '{"a": true}'):
        path.write_text(wrong)
        with pytest.raises(ValueError, match="judgements: "):
            read_judgements(path)


def test_group_metrics_count_by_hand():
    rng = np.random.default_rng(3)
    right, group = rng.integers(0, 2, 200), np.arange(200) // 2
    columns = {"right": right, "group": group, "cluster": group, "family": group % 3}
    both = right.reshape(100, 2).all(axis=1)
    estimate = GroupMetric(name="plus", column="right").estimate(columns)
    assert (estimate.value, estimate.count, estimate.total) == pytest.approx((both.mean(), both.sum(), 100))
    assert estimate.low < estimate.value < estimate.high
    shuffled = rng.permutation(200)
    again = GroupMetric(name="plus", column="right").estimate({k: v[shuffled] for k, v in columns.items()})
    assert again == estimate
    first = GroupMetric(name="plus", column="right", selected=1).estimate(columns)
    assert first.value == pytest.approx(both[np.arange(100) % 3 == 1].mean())
    mean = SelectedMean(name="mean", column="right", selected=2, factor=100).estimate(columns)
    assert mean.value == pytest.approx(100 * right[columns["family"] == 2].mean())
    assert np.isnan(SelectedMean(name="mean", column="right", selected=9).estimate(columns).value)
