"""Token lengths and baselines of task-oriented TokCom: what their trainings start from, what they send, short runs."""

import itertools

import numpy as np
import pytest
import torch

from tokencom.linklevel.draws import Draws
from tokencom.models.systems import SystemLink, shipped_weights
from tokencom.scenarios import load_scenario, run
from tokencom.scenarios.datasets.avqa_synth import AvqaSynth
from tokencom.scenarios.engine.learning import learning_curves
from tokencom.scenarios.engine.training import jobs, missing, train_missing
from tokencom.scenarios.schema import trained
from tokencom.scenarios.schema.starting import chain

LENGTHS = {"fig2_audio_length": "audio", "fig2_visual_length": "video"}
NAMES = [f"tokcom_mlm/{name}" for name in (*LENGTHS, "baselines")]
COUNTS = [16, 32, 64, 128]
SHIPPED = ["encoders and language model"]
HEADER = 32
"""Channel uses of the number of words, protected, beside the 8 of each word."""


def stages(scenario, name):
    """Return the stages of a scheme and of those that it starts from, without the weights' names."""
    return [
        (stage.name, stage.steps, stage.batch_size, stage.learning_rate, tuple(stage.losses.items()))
        for one in chain(scenario.scheme(name), scenario.schemes)
        for stage in one.training.stages
    ]


@pytest.mark.parametrize("name", NAMES)
def test_trainings_start_from_shipped_weights_and_never_see_the_test(name, empty_cache):
    scenario = load_scenario(name)
    assert scenario.task.data.split == "test"
    for point, scheme in itertools.product(scenario.points(), scenario.schemes):
        first = chain(point.scenario.scheme(scheme.name), point.scenario.schemes)[-1]
        assert trained.find(trained.key_of(point.scenario, first)) in shipped_weights().values()
        assert all(data.split == "train" for data in scheme.training.data)
    assert not {*SHIPPED} & {job.scheme.name for job in missing(scenario)}


@pytest.mark.parametrize(("name", "device"), LENGTHS.items())
def test_lengths_change_one_device_and_what_it_sends_alone(name, device):
    scenario = load_scenario(f"tokcom_mlm/{name}")
    samples = AvqaSynth(num_clips=1, questions_per_clip=2, seed=3)[:2]
    assert [point.values[f"schemes.*.system.num_tokens.{device}"] for point in scenario.points()] == COUNTS
    assert stages(scenario, "aligned")[0] == stages(scenario, "unaligned")[0]
    for point, count in zip(scenario.points(), COUNTS, strict=True):
        link = SystemLink(*trained.parts(point.scenario, point.scenario.scheme("aligned"))).eval()
        words = link.system.encode(samples).mask[:, count + 32 :].sum(1)
        uses = link(samples, 12.0, Draws(seed=1)).channel_uses
        assert torch.equal(uses.payload.cpu(), 8 * (count + 32 + words))
        assert uses.side_information.tolist() == [HEADER] * 2


def test_the_two_figures_share_the_trainings_of_equal_lengths():
    keys = [{job.key for job in jobs(load_scenario(f"tokcom_mlm/{name}"))} for name in LENGTHS]
    assert [len(found) for found in keys] == [1 + 3 * len(COUNTS)] * 2
    assert len(keys[0] & keys[1]) == 1 + 3


def test_lengths_are_trained_run_and_drawn(empty_cache, short_training, tmp_path):
    changes = short_training("tokcom_mlm/fig2_audio_length", skip=SHIPPED)
    changes += ["sweep={schemes.*.system.num_tokens.audio: [16, 128]}", "task.data.num_clips=2"]
    changes += ["task.data.questions_per_clip=2"]
    scenario = load_scenario("tokcom_mlm/fig2_audio_length", changes)
    assert [job.scheme.name for job in missing(scenario)] == ["alignment", "aligned", "unaligned"] * 2
    train_missing(scenario, tensorboard=False, progress=False)
    results = run(scenario, tmp_path / "run", workers=0, train=False, progress=False)
    names = [metric.name for metric in results.metrics]
    uses = results.value[:, :, names.index("channel_uses")]
    assert results.schemes == ("aligned", "unaligned")
    assert uses[:, 1] - uses[:, 0] == pytest.approx(8 * (128 - 16))
    assert np.isfinite(results.value[:, :, names.index("accuracy")]).all()
    drawn = learning_curves(load_scenario("tokcom_mlm/fig2_audio_length", [*changes, "figure=training"]))
    assert [point["schemes.*.system.num_tokens.audio"] for point in drawn.points] == [16, 128]
    assert np.isfinite(drawn.value).all()


def test_baselines_have_the_stages_data_and_channel_uses_of_the_aligned_system():
    scenario, figure = load_scenario("tokcom_mlm/baselines"), load_scenario("tokcom_mlm/fig3_snr")
    others = ["no channel training", "discriminative head"]
    assert [scheme.name for scheme in scenario.schemes if not scheme.train_only] == ["aligned", *others]
    assert trained.identity(scenario, scenario.scheme("aligned")) == trained.identity(figure, figure.scheme("aligned"))
    for name in others:
        assert stages(scenario, name) == stages(scenario, "aligned")
        assert scenario.scheme(name).link == scenario.scheme("aligned").link
    for one in chain(scenario.scheme("no channel training"), scenario.schemes)[:2]:
        assert [air.channel for air in one.training.air] == ["awgn"]
        assert [stage.snr_db for stage in one.training.stages] == [(60, 60)]


def test_the_list_of_the_discriminative_head_has_the_answers_of_the_data():
    listed = load_scenario("tokcom_mlm/baselines").scheme("discriminative head").system.answers
    given = {sample.references[0] for sample in AvqaSynth(num_clips=60, questions_per_clip=9, seed=1)[:540]}
    assert given <= set(listed)
    assert len(listed) == 29
    assert len(given) > 20


def test_baselines_are_trained_and_run(empty_cache, short_training, tmp_path):
    changes = short_training("tokcom_mlm/baselines", skip=SHIPPED)
    changes += ["sweep.snr_db=[12]", "task.data.num_clips=2", "task.data.questions_per_clip=2"]
    scenario = load_scenario("tokcom_mlm/baselines", changes)
    train_missing(scenario, tensorboard=False, progress=False)
    with pytest.warns(RuntimeWarning, match="'no channel training': snr_db 12 dB lies outside the 60 to 60 dB"):
        results = run(scenario, tmp_path / "run", workers=0, train=False, progress=False)
    names = [metric.name for metric in results.metrics]
    uses = results.value[:, 0, names.index("channel_uses")]
    assert uses == pytest.approx(uses[0])
    assert np.isfinite(results.value[:, :, names.index("accuracy")]).all()
    _, link = scenario.build("discriminative head")
    assert set(link([*AvqaSynth(num_clips=1, questions_per_clip=3, seed=3)[:3]], 12.0, Draws(seed=1)).payload) <= set(
        scenario.scheme("discriminative head").system.answers
    )
