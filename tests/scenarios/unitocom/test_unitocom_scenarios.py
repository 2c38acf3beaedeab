"""The figures of UniToCom: weights, channel uses, and that each task hears more than noise."""

import math

import numpy as np
import pytest

from tokencom.linklevel.draws import Draws
from tokencom.models.systems import shipped_weights
from tokencom.scenarios.schema import load_scenario, shipped, trained

NAMES = [name for name in shipped() if name.startswith("unitocom/")]
SMALL = [
    "task.data.num_images=40",
    "schemes.speech.task.data.num_utterances=40",
    "schemes.pictures.task.data.captions.num_images=66",
    "schemes.pictures.task.reference={type: prompts, captions: {type: clevr_captions, split: train, num_images: 70}}",
]
HEADER = 32
"""Channel uses of the number of tokens, which differs from task to task."""


@pytest.fixture(scope="module")
def unified():
    return load_scenario("unitocom/unified", SMALL)


def test_the_figures_are_there():
    assert {f"unitocom/{name}" for name in ("unified", "fig2a_vqa", "fig2b_text_to_image", "fig2c_asr")} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_weights_come_with_the_package_and_no_training_sees_the_test(name):
    scenario = load_scenario(name)
    for scheme in scenario.schemes:
        if not getattr(scheme, "train_only", False):
            data = scenario.task_of(scheme).data
            assert getattr(data, "captions", data).split == "test"
            if scheme.trains:
                path = trained.find(trained.key_of(scenario, trained.source_of(scenario, scheme)))
                assert path in shipped_weights().values(), scheme.name
        for data in () if scheme.training is None else scheme.training.data or ():
            assert getattr(data, "captions", data).split == "train"


@pytest.mark.parametrize(("name", "count"), [("questions", 16), ("speech", 32)])
def test_tokens_take_16_channel_uses_each(unified, name, count):
    task, link = unified.build(name)
    uses = link(task.batch(0, 3, Draws(seed=1)), 15.0, Draws(seed=2)).channel_uses
    assert uses.total.tolist() == [16 * count + HEADER] * 3


def test_words_of_a_caption_take_16_channel_uses_each(unified):
    task, link = unified.build("pictures")
    batch = task.batch(0, 3, Draws(seed=1))
    words = link.system.encode(batch).mask.sum(1)
    uses = link(batch, 15.0, Draws(seed=2)).channel_uses
    assert uses.total.tolist() == (16 * words + HEADER).tolist()


def test_answers_are_better_than_a_guess_and_worse_in_noise(unified):
    """400 questions about 40 scenes; a guess by family is right in about 45 %.

    Answers about one scene are not independent, so the variance is counted as if every scene were a single draw of a
    mean of ten, at most 1/4 a scene: four deviations of that are 0.32, an error probability below 1e-4.
    """
    task, link = unified.build("questions")
    batch = task.batch(0, 400, Draws(seed=1))
    right = {}
    for snr_db in (18.0, -40.0):
        reception = link(batch, snr_db, Draws(seed=2))
        right[snr_db] = float(task.judge.columns(batch, reception.payload)["accuracy"].mean())
    assert right[18.0] > right[-40.0]
    assert right[-40.0] < 0.45 + 4 * math.sqrt(0.25 / 40)


def test_transcripts_get_better_with_the_snr(unified):
    task, link = unified.build("speech")
    batch = task.batch(0, 40, Draws(seed=1))
    errors = []
    for snr_db in (18.0, -40.0):
        columns = task.judge.columns(batch, link(batch, snr_db, Draws(seed=2)).payload)
        errors.append(columns["word_errors"].sum() / columns["num_words"].sum())
    assert errors[0] < 0.6 < errors[1]


def test_pictures_have_the_size_of_those_that_the_model_was_trained_with(unified):
    task, link = unified.build("pictures")
    pictures = link(task.batch(0, 2, Draws(seed=1)), 18.0, Draws(seed=2)).payload
    assert [picture.shape for picture in pictures] == [(64, 64, 3)] * 2
    assert all(picture.dtype == np.uint8 and picture.std() > 5 for picture in pictures)


def test_tokenizers_of_one_size_see_the_same_channel_uses_and_use_their_reals_unequally():
    """128 uses for 16 tokens of 16 reals, 48 for their scale; see the comment of the scenario for what to expect."""
    scenario = load_scenario("unitocom/variance_collapse", ["task.data.num_images=66"])
    assert {scheme.system.kind for scheme in scenario.schemes} == {"sigma_genib", "genib", "vae"}
    first, *others = (one.system.model_copy(update={"kind": None, "num_samples": None}) for one in scenario.schemes)
    assert all(other == first for other in others)
    assert all(scheme.training == scenario.schemes[0].training for scheme in scenario.schemes)
    active = {}
    for name in ("sigma-GenIB", "VAE"):
        task, link = scenario.build(name)
        batch = task.batch(0, 20, Draws(seed=1))
        assert link(batch, 18.0, Draws(seed=2)).channel_uses.total.tolist() == [176] * 20
        active[name] = task.metrics["active_units"].estimate(task.probe(batch, link)).value
    assert active["sigma-GenIB"] > active["VAE"]


@pytest.mark.parametrize("name", ["unitocom/adaptive", "unitocom/adaptive_vqa"])
def test_codecs_differ_in_the_snrs_of_their_training_only(name):
    scenario = load_scenario(name)
    drawn = [scheme for scheme in scenario.schemes if not getattr(scheme, "train_only", False)]
    stages = [dict(scheme.training.stages[0]) for scheme in drawn]
    ranges = [tuple(stage.pop("snr_db")) for stage in stages]
    assert ranges == [(-6, 18), *((snr, snr) for snr in scenario.sweep["snr_db"])]
    assert all(stage == stages[0] for stage in stages)
    assert all((scheme.system, scheme.link) == (drawn[0].system, drawn[0].link) for scheme in drawn)


@pytest.mark.parametrize(
    ("name", "other", "snr_db", "metric", "uses"),
    [("adaptive", "-6 dB", 18.0, "psnr", 64), ("adaptive_vqa", "0 dB", 6.0, "accuracy", 1024)],
)
def test_one_codec_is_better_than_one_of_another_snr(name, other, snr_db, metric, uses):
    """By 1.4 dB and by 27 points on average, for the same uses."""
    scenario = load_scenario(f"unitocom/{name}", ["task.data.num_images=40"])
    found = {}
    for scheme in ("all SNRs", other):
        task, link = scenario.build(scheme)
        batch = task.batch(0, 40, Draws(seed=1))
        reception = link(batch, snr_db, Draws(seed=2))
        assert reception.channel_uses.total.tolist() == [uses] * 40
        found[scheme] = task.judge.columns(batch, reception.payload)[metric].mean()
    assert found["all SNRs"] > found[other]


def test_more_denoising_steps_make_other_pictures_of_the_same_captions():
    few = ["task.data.captions.num_images=66", "task.allow_few=true"]
    reference = "task.reference={type: prompts, captions: {type: clevr_captions, split: train, num_images: 70}}"
    made = {}
    for count in (2, 2, 20):
        swept = f"sweep={{schemes.*.system.num_steps: [{count}], snr_db: [18]}}"
        (point,) = load_scenario("unitocom/sampling_steps", [*few, reference, swept]).points()
        task, link = point.scenario.build("UniToCom")
        pictures = np.stack(link(task.batch(0, 4, Draws(seed=1)), 18.0, Draws(seed=2)).payload)
        assert count not in made or (made[count] == pictures).all()
        made[count] = pictures
    assert (made[2] != made[20]).mean() > 0.1
