"""Figures of UniToCom and their trainings: what they compare, and short runs from nothing."""

import numpy as np
import pytest

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.sources import UTF8
from tokencom.scenarios import load_scenario, run
from tokencom.scenarios.engine.training import jobs, train_missing
from tokencom.scenarios.schema.starting import chain

QUESTIONS, PICTURES, LENGTHS = (
    f"unitocom/{name}" for name in ("fig2a_vqa", "fig2b_text_to_image", "fig3_token_length")
)  # fmt: skip
REAL = "{type: prompts, captions: {type: clevr_captions, split: train, num_images: 66}}"
FEW = {
    QUESTIONS: ["task.data.num_images=2", "task.data.questions_per_image=2"],
    PICTURES: ["task.data.captions.num_images=2", f"task.reference={REAL}"],
    LENGTHS: ["task.data.num_images=2", "task.extras=[]"],
}
"""Items of a short run; distances of sets need 66 real pictures for their principal components."""


def values(results, metric):
    return results.value[:, :, [one.name for one in results.metrics].index(metric)]


@pytest.mark.parametrize("name", [QUESTIONS, PICTURES, LENGTHS])
def test_no_training_sees_the_test(name):
    scenario = load_scenario(name)
    assert getattr(scenario.task.data, "captions", scenario.task.data).split == "test"
    for scheme in scenario.schemes:
        for data in () if scheme.training is None else scheme.training.data or ():
            assert getattr(data, "captions", data).split == "train"


def steps_of(scenario, name):
    """Return the steps of each data set and stage of a scheme and of those that it starts from."""
    return {
        stage.name: stage.steps
        for one in chain(scenario.scheme(name), scenario.schemes)
        for stage in (one.training.stages if one.training is not None else ())
    }


def test_schemes_that_answer_are_trained_alike():
    scenario = load_scenario(QUESTIONS)
    assert steps_of(scenario, "UniToCom") == steps_of(scenario, "UniToCom + VAE")
    learned, other = steps_of(scenario, "UniToCom"), steps_of(scenario, "MU-DeepSC")
    assert {**learned, "tokenizer": 0} == {"tokenizer": 0, **{k: v for k, v in other.items() if k != "cells"}}
    # What answers on JPEG is trained for as long as what is trained over the air.
    longer = steps_of(scenario, "UniToCom, clean for longer")
    assert longer["longer"] == learned["joint"]
    systems = [scenario.scheme(name).system for name in ("UniToCom", "UniToCom + VAE")]
    assert systems[1] == systems[0].model_copy(update={"kind": "vae"})


def test_schemes_that_draw_are_trained_alike():
    scenario = load_scenario(PICTURES)
    learned, other = steps_of(scenario, "UniToCom"), steps_of(scenario, "text diffusion")
    assert {key: value for key, value in learned.items() if key != "tokenizer"} == other
    assert learned == steps_of(scenario, "UniToCom + VAE")


def test_all_lengths_are_trained_alike():
    found = jobs(load_scenario(LENGTHS))
    assert len({job.key for job in found}) == len(found) == 8
    assert len({str(job.scheme.training) for job in found}) == 1


def test_answers_are_trained_and_run(empty_cache, short_training, tmp_path):
    scenario = load_scenario(QUESTIONS, [*short_training(QUESTIONS), *FEW[QUESTIONS], "sweep.snr_db=[18]"])
    train_missing(scenario, tensorboard=False, progress=False)
    results = run(scenario, tmp_path / "run", workers=0, train=False, progress=False)
    assert results.schemes == ("UniToCom", "UniToCom + VAE", "MU-DeepSC", "JPEG + LDPC 16-QAM")
    assert np.isfinite(values(results, "accuracy")).all()
    assert values(results, "channel_uses") == pytest.approx(1024)


@pytest.mark.verify
def test_pictures_of_captions_are_trained_and_run(empty_cache, short_training, tmp_path):
    scenario = load_scenario(PICTURES, [*short_training(PICTURES), *FEW[PICTURES], "sweep.snr_db=[18]"])
    train_missing(scenario, tensorboard=False, progress=False)
    task, link = scenario.build("UniToCom")
    batch = task.batch(0, 2, Draws(seed=1))
    words = link.system.encode(batch).mask.sum(1)
    results = run(scenario, tmp_path / "run", workers=0, train=False, progress=False)
    assert results.schemes == ("UniToCom", "UniToCom + VAE", "text diffusion", "UTF-8 + Turbo 16-QAM")
    assert np.isfinite(values(results, "attribute_accuracy")).all()
    wanted = float((16 * words + 32).float().mean())
    assert values(results, "channel_uses")[:, 0] == pytest.approx([wanted] * 3 + [1088])


def test_the_longest_caption_fits_its_budget():
    scenario = load_scenario(PICTURES)
    link = scenario.scheme("UTF-8 + Turbo 16-QAM").link.build(air=FlatAirInterface(channel="rayleigh"), source=UTF8())
    captions = [sample.inputs["text"] for sample in scenario.task.data.build()]
    reception = link([max(captions, key=len)], 60.0, Draws(seed=1))
    assert len(captions) == 200
    assert reception.payload == [max(captions, key=len)]
    assert reception.channel_uses.total.tolist() == [1088]


def test_lengths_are_trained_and_run(empty_cache, short_training, tmp_path):
    lengths = "sweep={schemes.*.system.num_image_tokens: [128], snr_db: [18]}"
    scenario = load_scenario(LENGTHS, [*short_training(LENGTHS), *FEW[LENGTHS], lengths])
    train_missing(scenario, tensorboard=False, progress=False)
    results = run(scenario, tmp_path / "run", workers=0, train=False, progress=False)
    assert values(results, "channel_uses").tolist() == [[1072], [304]]
    assert values(results, "airtime").tolist() == [[1072], [304]]
    assert np.isfinite(values(results, "psnr")).all()
