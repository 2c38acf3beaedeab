"""Two tasks of one system (fig 10): what its trainings begin with, that their steps are alike, a short run of all."""

import numpy as np

from tokencom.linklevel.draws import Draws
from tokencom.models.systems import SystemLink, shipped_weights
from tokencom.scenarios import load_scenario, run
from tokencom.scenarios.engine.training import missing, train_missing
from tokencom.scenarios.schema import trained
from tokencom.scenarios.schema.starting import chain

NAME = "taichi/fig10_multitask"
DRAWN = {
    "TaiChi, questions", "TaiChi, sentences", "U-DeepSC, questions", "U-DeepSC, sentences", "T-DeepSC, questions",
    "T-DeepSC, sentences", "DeepSC, sentences", "JPEG + LDPC 16-QAM, questions", "Huffman + Turbo 16-QAM, sentences",
}  # fmt: skip
OF_FIG09 = {"TaiChi, clean": "TaiChi, clean", "T-DeepSC, questions": "T-DeepSC"}
"""What the trainings begin with, and its name there."""

BEFORE = {*OF_FIG09, "TaiChi, simple questions", "T-DeepSC, simple questions", "T-DeepSC, clean"}


def taken(scenario, name, kind):
    """Return name and steps of the stages in which a scheme, or one that it starts from, sees a kind of data."""
    found = []
    for scheme in reversed(list(chain(scenario.scheme(name), scenario.schemes))):
        training = scheme.training
        if kind in [data.type for data in training.data or ()]:
            found += [(stage.name, stage.steps // len(training.data), stage.batch_size) for stage in training.stages]
    return found


def test_trainings_begin_with_the_shipped_systems_of_fig09(empty_cache):
    here, there = load_scenario(NAME), load_scenario("taichi/fig09_multimodal")
    for name, name_there in OF_FIG09.items():
        key = trained.key_of(here, here.scheme(name))
        assert key == trained.key_of(there, there.scheme(name_there))
        assert trained.find(key) in shipped_weights().values()
    assert not BEFORE & {job.scheme.name for job in missing(here)}


def test_schemes_take_equal_steps_of_each_task():
    scenario = load_scenario(NAME)
    sentences = taken(scenario, "DeepSC, sentences", "text_synth")
    for name in ("TaiChi, sentences", "U-DeepSC, sentences", "T-DeepSC, sentences"):
        assert taken(scenario, name, "text_synth") == sentences, name
    assert sum(steps for _, steps, _ in sentences) == 2900
    # U-DeepSC begins with a system that has been over the air; JPEG has no learned codec to train.
    more = {"TaiChi, questions": 0, "U-DeepSC, questions": 1200, "JPEG + LDPC 16-QAM, questions": -300}
    steps = {name: sum(steps for _, steps, _ in taken(scenario, name, "clevr_synth")) for name in more}
    assert {name: count - steps["TaiChi, questions"] for name, count in steps.items()} == more


def test_one_training_makes_one_system_for_both_tasks():
    scenario = load_scenario(NAME)
    for system in ("TaiChi", "U-DeepSC"):
        keys = {trained.key_of(scenario, scenario.scheme(f"{system}, {task}")) for task in ("questions", "sentences")}
        assert len(keys) == 1


def test_all_schemes_run_after_a_short_training(empty_cache, short_training, tmp_path):
    loaded = load_scenario(NAME)
    few = ["sweep.snr_db=[6]", "sweep.air.channel=[awgn]", "task.data.num_images=1", "task.data.questions_per_image=2"]
    few += [f"schemes.{i}.task.data.num_sentences=2" for i, one in enumerate(loaded.schemes) if one.task is not None]
    scenario = load_scenario(NAME, [*short_training(NAME, skip=BEFORE), *few])
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
