"""The figures of task-oriented TokCom: weights, channel uses, and what each device is good for."""

import math

import pytest
import torch

from tokencom.linklevel.draws import Draws
from tokencom.models.systems import shipped_weights
from tokencom.scenarios.engine.training import missing
from tokencom.scenarios.schema import load_scenario, shipped, trained

NAMES = [name for name in shipped() if name.startswith("tokcom_mlm/")]
SIZE = ["task.data.num_clips=40"]
HEADER = 32
"""Channel uses of the number of words, protected, beside the 8 of each word."""


def drawn(scenario):
    return [scheme for scheme in scenario.schemes if not getattr(scheme, "train_only", False)]


def right(scenario, name, snr_db, count=240):
    task, link = scenario.build(name)
    batch = task.batch(0, count, Draws(seed=1))
    reception = link(batch, snr_db, Draws(seed=2))
    return batch, task.judge.columns(batch, reception.payload)["accuracy"], reception


def test_the_figures_are_there():
    assert {f"tokcom_mlm/{name}" for name in ("fig3_snr", "users", "asymmetric", "modalities")} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_weights_come_with_the_package_and_no_training_sees_the_test(name):
    scenario = load_scenario(name)
    assert scenario.task.data.split == "test"
    for point in scenario.points()[:1]:
        for scheme in drawn(point.scenario):
            if scheme.trains:
                path = trained.find(trained.key_of(point.scenario, trained.source_of(point.scenario, scheme)))
                assert path in shipped_weights().values(), scheme.name
    for scheme in scenario.schemes:
        for data in () if scheme.training is None else scheme.training.data or ():
            assert data.split == "train"


def test_nothing_is_trained(tmp_path, monkeypatch):
    """Not even what they were started from."""
    monkeypatch.setenv("TOKENCOM_CACHE", str(tmp_path))
    assert [name for name in NAMES if missing(load_scenario(name))] == []


def test_channel_uses_are_those_that_the_figure_says():
    scenario = load_scenario("tokcom_mlm/fig3_snr", SIZE)
    for name, silent in (("aligned", 0), ("unaligned", 0), ("aligned, without audio", 256)):
        task, link = scenario.build(name)
        batch = task.batch(0, 3, Draws(seed=1))
        words = link.system.encode(batch).mask[:, 64:].sum(1)
        uses = link(batch, 15.0, Draws(seed=2)).channel_uses
        assert torch.equal(uses.total.cpu(), 512 - silent + HEADER + 8 * words), name
        assert uses.side_information.tolist() == [HEADER] * 3


def test_every_subset_of_devices_answers_and_pays_for_what_it_sends():
    scenario = load_scenario("tokcom_mlm/modalities", SIZE)
    assert len(scenario.schemes) == 7  # all subsets but none
    words = None
    for scheme in scenario.schemes:
        _, accuracy, reception = right(scenario, scheme.name, 60.0, 6)
        assert len(accuracy) == 6
        total = reception.channel_uses.total.cpu()
        if words is None:
            words = total - 512 - HEADER
        sends = 256 * ("video" in scheme.name) + 256 * ("audio" in scheme.name) + HEADER
        assert torch.equal(total, sends + words * ("question" in scheme.name)), scheme.name


def test_the_classical_chain_has_the_aligned_model_and_the_uses_that_the_figure_says():
    pytest.importorskip("av", reason="extra 'data' is not installed")
    scenario = load_scenario("tokcom_mlm/fig3_snr", SIZE)
    name = next(scheme.name for scheme in scenario.schemes if scheme.source is not None)
    (task, chain), (_, tokens) = scenario.build(name), scenario.build("aligned")
    for own, other in ((chain.system, tokens.system), (chain.trained_over, tokens.link)):
        assert all(map(torch.equal, own.state_dict().values(), other.state_dict().values()))
    batch, chain = task.batch(0, 12, Draws(seed=1)), chain.eval()
    reception = chain(batch, 60.0, Draws(seed=2))
    assert bool(reception.ok.all())
    assert reception.channel_uses.total.tolist() == [1144 + 6144 + 300] * 12
    assert reception.payload == chain.clean(batch, 60.0)
    nothing = chain(batch, -40.0, Draws(seed=2))
    assert not bool(nothing.ok.any())
    assert nothing.payload == chain.blind(batch)
    assert len(set(nothing.payload)) == 1


def test_the_smallest_files_of_the_classical_chain_fit_and_nothing_less_does():
    pytest.importorskip("av", reason="extra 'data' is not installed")
    scenario = load_scenario("tokcom_mlm/fig3_snr", SIZE)
    name = next(scheme.name for scheme in scenario.schemes if scheme.source is not None)
    task, link = scenario.build(name)
    parts = link.split(task.batch(0, 240, Draws(seed=1)))
    needed = [one.smallest_budget(items) for one, items in zip(link.link.devices, parts, strict=True)]
    given = [one.num_channel_uses for one in link.link.devices]
    assert needed[1] == given[1]
    assert all(0.8 * budget < least <= budget for least, budget in zip(needed, given, strict=True))


def test_devices_at_once_take_a_third_of_the_payload_airtime():
    scenario = load_scenario("tokcom_mlm/users", SIZE)
    airtime = {}
    for name in ("three devices in turn, 8 antennas", "three devices at once, 8 antennas"):
        _, _, reception = right(scenario, name, 12.0, 3)
        uses = reception.channel_uses
        airtime[name.split(",")[0]] = uses.airtime.float().mean()
    turns, once = airtime.values()
    assert once == 256
    assert turns == reception.channel_uses.total.float().mean()


def test_answers_are_better_than_a_guess_and_worse_in_noise():
    """240 questions about 40 clips; a guess by template is right in 31 %.

    Answers about one clip are not independent, so the variance is counted as if every clip were a single draw of a
    mean of six, at most 1/4 a clip: four deviations of that are 0.32, an error probability below 1e-4.
    """
    scenario = load_scenario("tokcom_mlm/fig3_snr", SIZE)
    high, low = (float(right(scenario, "aligned", snr_db)[1].mean()) for snr_db in (18.0, -40.0))
    assert high > 0.31
    assert high > low
    assert low < 0.31 + 4 * math.sqrt(0.25 / 40)
