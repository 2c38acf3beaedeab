"""The figures of TaiChi: weights, budgets, and what the shipped systems know."""

import math

import pytest

from tokencom.linklevel.draws import Draws
from tokencom.models.systems import shipped_weights
from tokencom.scenarios.schema import load_scenario, shipped, trained

NAMES = [name for name in shipped() if name.startswith("taichi/")]
SIZE = ["task.data.num_images=40"]


def drawn(scenario):
    return [scheme for scheme in scenario.schemes if not getattr(scheme, "train_only", False)]


def test_the_figures_are_there():
    assert {"taichi/fig09_multimodal", "taichi/beyond_38901"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_weights_come_with_the_package(name):
    for point in load_scenario(name).points()[:1]:
        for scheme in drawn(point.scenario):
            if scheme.trains:
                path = trained.find(trained.key_of(point.scenario, trained.source_of(point.scenario, scheme)))
                assert path in shipped_weights().values(), scheme.name


@pytest.mark.parametrize("name", NAMES)
def test_questions_are_at_the_receiver_and_no_training_sees_the_test(name):
    scenario = load_scenario(name)
    assert scenario.task.data.split == "test"
    for scheme in scenario.schemes:
        assert getattr(scheme.system, "question", "at_receiver") == "at_receiver"
        for data in () if scheme.training is None else scheme.training.data or ():
            assert data.split == "train"


def test_all_schemes_of_fig09_take_equal_channel_uses():
    scenario = load_scenario("taichi/fig09_multimodal", SIZE)
    for scheme in drawn(scenario):
        task, link = scenario.build(scheme.name)
        uses = link(task.batch(0, 40, Draws(seed=1)), 15.0, Draws(seed=2)).channel_uses.total
        if scheme.name == "U-DeepSC":  # as many tokens as it likes, within the others' budget
            assert 512 < float(uses.float().mean()) <= 1024
        else:
            assert set(uses.tolist()) == {1024}, scheme.name


@pytest.mark.parametrize("name", ["TaiChi", "DeepSC-VQA"])
def test_systems_answer_better_than_a_guess_and_worse_in_noise(name):
    """400 questions about 40 scenes; a guess by family is right in 43 %, the systems without a channel in 85 to 87 %.

    Answers about one scene are not independent, so the variance is counted as if every scene were a single draw of a
    mean of ten, at most 1/4 a scene: four deviations of that are 0.32, an error probability below 1e-4.
    """
    scenario = load_scenario("taichi/fig09_multimodal", SIZE)
    task, link = scenario.build(name)
    batch = task.batch(0, 400, Draws(seed=1))
    right = {}
    for snr_db in (18.0, -40.0):
        reception = link(batch, snr_db, Draws(seed=2))
        right[snr_db] = float(task.judge.columns(batch, reception.payload)["accuracy"].mean())
    assert right[18.0] > 0.43 + 4 * math.sqrt(0.25 / 40)
    assert right[18.0] - right[-40.0] > 4 * math.sqrt(0.25 / 40)
    assert right[-40.0] < 0.43 + 4 * math.sqrt(0.25 / 40)


def test_the_ablation_is_of_the_system_of_fig09_with_as_many_parameters():
    """Within one per cent; what all are trained on is the same."""
    scenario, whole = (load_scenario(f"taichi/{name}") for name in ("table3_ablation", "fig09_multimodal"))
    first = scenario.schemes[0]
    assert trained.key_of(scenario, first) == trained.key_of(whole, whole.scheme(first.name))
    trains = [scheme for scheme in scenario.schemes if scheme.training.makes_weights]
    assert [scheme.training for scheme in trains] == [first.training] * 3
    assert [trained.source_of(scenario, scheme) for scheme in drawn(scenario)] == trains
    sizes = [sum(p.numel() for p in scheme.system.build().parameters()) for scheme in trains]
    assert max(sizes) < 1.01 * min(sizes)
