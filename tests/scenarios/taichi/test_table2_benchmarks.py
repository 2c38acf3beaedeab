"""TaiChi on small folders in the layouts of TextVQA, MMBench, MME and MM-Vet."""

import sys
from pathlib import Path

import pytest

from tokencom.linklevel.draws import Draws
from tokencom.scenarios.engine.training import missing
from tokencom.scenarios.schema import ScenarioError, load_scenario, shipped

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))
import test_mm_vet
import test_mmbench
import test_mme
import test_textvqa

NAME = "taichi/table2_benchmarks"
COUNTS = {"TextVQA": 3, "MMBench": 3, "MME": 56, "MM-Vet": 2}
METRICS = {
    "TextVQA": {"accuracy"},
    "MMBench": {"accuracy", "circular_accuracy", "unreadable"},
    "MME": {"accuracy", "accuracy_plus", "score_perception", "score_cognition"},
    "MM-Vet": {"contains", "exact_match", "contains_ocr"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write all four into one folder."""
    test_textvqa.write(tmp_path)
    test_mmbench.write(tmp_path, [test_mmbench.row(3, test_mmbench.picture(200), hint="Look.")])
    test_mme.write(tmp_path)
    records = {"v1_0": test_mm_vet.record("v1_0.png"), "v1_2": test_mm_vet.record("v1_2.jpg", answer="red")}
    test_mm_vet.write(tmp_path, records)
    return tmp_path


def test_without_a_path_it_says_what_to_give() -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(NAME)
    for number in range(3, 7):
        assert f"schemes.{number}.task.data.path" in str(caught.value)
    assert NAME in shipped(need_data=True)
    assert NAME not in shipped()


def test_a_wrong_folder_is_named_with_the_layout(tmp_path: Path) -> None:
    scenario = load_scenario(NAME, [f"schemes.*.task.data.path={tmp_path}"])
    for name, words in (("TextVQA", "train_images"), ("MMBench", "tsv"), ("MME", "existence"), ("MM-Vet", "mm-vet")):
        with pytest.raises(ValueError, match=words):
            scenario.scheme(name).task.build()


def test_every_benchmark_is_asked_answered_and_judged(folder: Path) -> None:
    scenario = load_scenario(NAME, [f"schemes.*.task.data.path={folder}"])
    assert missing(scenario) == []
    (point,) = scenario.points()
    for name, count in COUNTS.items():
        task, link = point.scenario.build(name)
        assert task.num_items == count
        batch = task.batch(0, 4, Draws(seed=1))
        reception = link(batch, point.scenario.link_snr_db(name, link), Draws(seed=2))
        assert METRICS[name] <= task.metrics.keys()
        # No channel: what is received is what was sent.
        assert reception.payload == task.reference("clean", batch, link, 200.0)
        assert len(task.reference("blind", batch, link, 200.0)) == len(batch)
        columns = task.score(batch, reception)
        for metric in METRICS[name] - {"score_perception", "score_cognition"}:
            assert 0.0 <= task.metrics[metric].estimate(columns).value <= 1.0
