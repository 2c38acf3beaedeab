"""Two tasks of one system (fig 10): what its trainings begin with, that their steps are alike, a short run of all."""

import numpy as np

from tokencom.linklevel.draws import Draws
from tokencom.models.systems import SystemLink, shipped_weights
from tokencom.scenarios import load_scenario, run
from tokencom.scenarios.engine.training import jobs, missing, train_missing
from tokencom.scenarios.schema import trained
from tokencom.scenarios.schema.starting import chain

NAME = "taichi/fig10_multitask"
DRAWN = {
    "TaiChi, questions", "TaiChi, sentences", "U-DeepSC, questions", "U-DeepSC, sentences", "T-DeepSC, sentences",
    "DeepSC, sentences", "JPEG + LDPC 16-QAM, questions", "Huffman + Turbo 16-QAM, sentences",
}  # fmt: skip
SHIPPED = {"TaiChi, simple questions", "TaiChi, clean"}


def taken(scenario, name, kind):
    """Return name and steps of the stages in which a scheme, or one that it starts from, sees a kind of data."""
    found = []
    for scheme in reversed(list(chain(scenario.scheme(name), scenario.schemes))):
        training = scheme.training
        if kind in [data.type for data in training.data or ()]:
            found += [(stage.name, stage.steps // len(training.data), stage.batch_size) for stage in training.stages]
    return found


def test_taichi_begins_with_the_shipped_system_of_fig09(empty_cache):
    scenario = load_scenario(NAME)
    key = trained.key_of(scenario, scenario.scheme("TaiChi, clean"))
    assert trained.find(key) in shipped_weights().values()
    keys = [
        {job.scheme.name: job.key for job in jobs(load_scenario(name))} for name in (NAME, "taichi/fig09_multimodal")
    ]
    assert all(keys[0][name] == keys[1][name] for name in SHIPPED)
    assert not SHIPPED & {job.scheme.name for job in missing(scenario)}


def test_schemes_take_equal_steps_of_each_task():
    scenario = load_scenario(NAME)
    sentences = taken(scenario, "DeepSC, sentences", "text_synth")
    for name in ("TaiChi, sentences", "U-DeepSC, sentences", "T-DeepSC, sentences"):
        assert taken(scenario, name, "text_synth") == sentences, name
    for name in ("U-DeepSC, questions", "JPEG + LDPC 16-QAM, questions"):
        steps = [
            sum(steps for _, steps, _ in taken(scenario, one, "clevr_synth")) for one in (name, "TaiChi, questions")
        ]
        assert steps[0] + (300 if name.startswith("JPEG") else 0) == steps[1]  # JPEG has no learned codec to train
    assert sum(steps for _, steps, _ in sentences) == 2900


def test_one_training_makes_one_system_for_both_tasks():
    scenario = load_scenario(NAME)
    for system in ("TaiChi", "U-DeepSC"):
        keys = {trained.key_of(scenario, scenario.scheme(f"{system}, {task}")) for task in ("questions", "sentences")}
        assert len(keys) == 1


def test_all_schemes_run_after_a_short_training(empty_cache, short_training, tmp_path):
    loaded = load_scenario(NAME)
    few = ["sweep.snr_db=[6]", "sweep.air.channel=[awgn]", "task.data.num_images=1", "task.data.questions_per_image=2"]
    few += [f"schemes.{i}.task.data.num_sentences=2" for i, one in enumerate(loaded.schemes) if one.task is not None]
    scenario = load_scenario(NAME, [*short_training(NAME, skip=SHIPPED), *few])
    train_missing(scenario, tensorboard=False, progress=False)
    results = run(scenario, tmp_path / "run", workers=0, train=False, progress=False)
    names = [metric.name for metric in results.metrics]
    assert set(results.schemes) == DRAWN
    assert np.isfinite(results.value[:, :, names.index("accuracy")]).all()


def test_pictures_and_sentences_take_what_the_header_says():
    scenario = load_scenario(NAME)
    scheme = scenario.scheme("DeepSC, sentences")
    samples = scheme.task.data.build()[:20]
    link = SystemLink(*trained.parts(scenario, scheme)).eval()
    words = link.system.encode(samples).num_tokens
    uses = link(samples, 12.0, Draws(seed=1)).channel_uses.total
    assert (uses.cpu() == 16 * words.cpu() + 32).all()
