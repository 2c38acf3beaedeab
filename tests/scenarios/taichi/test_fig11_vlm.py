"""TaiChi against the MobileVLM-style model (fig 11): equal treatment, shipped weights, a short training and run."""

from tokencom.linklevel.draws import Draws
from tokencom.models.systems import shipped_weights
from tokencom.scenarios import load_scenario, run
from tokencom.scenarios.engine.training import jobs, missing
from tokencom.scenarios.schema import trained
from tokencom.scenarios.schema.starting import chain

NAME, FIG09 = "taichi/fig11_vlm", "taichi/fig09_multimodal"
ADAPTED = {"trainable", "lora"}
"""Name parts of a system, and so differ."""

SHARED = ["TaiChi, simple questions", "TaiChi, clean", "TaiChi"]
OWN = ["MobileVLM, simple questions", "MobileVLM, clean", "MobileVLM"]


def test_taichi_is_that_of_fig09_and_nothing_is_trained(empty_cache):
    scenario = load_scenario(NAME)
    keys, others = ({job.scheme.name: job.key for job in jobs(load_scenario(name))} for name in (NAME, FIG09))
    assert [name for name in keys if name not in OWN] == SHARED
    assert all(keys[name] == others[name] for name in SHARED)
    assert {trained.find(keys[name]) for name in ("TaiChi", "MobileVLM")} <= set(shipped_weights().values())
    assert missing(scenario) == []


def test_both_are_trained_alike():
    scenario = load_scenario(NAME)
    ours, theirs = (chain(scenario.scheme(name), scenario.schemes) for name in ("TaiChi", "MobileVLM"))
    assert [scheme.name for scheme in theirs] == OWN[::-1]
    for one, other in zip(ours, theirs, strict=True):
        same = {"stages", "start"}
        assert one.training.model_dump(exclude=same) == other.training.model_dump(exclude=same)
        assert one.link == other.link
        for a, b in zip(one.training.stages, other.training.stages, strict=True):
            assert a.model_dump(exclude=ADAPTED) == b.model_dump(exclude=ADAPTED)
    joint = theirs[0].training.stages[-1]
    assert (joint.lora.r, joint.lora.alpha) == (16, 32)
    assert ours[0].training.stages[-1].lora.r == joint.lora.r


def test_both_run_after_a_short_training_with_equal_channel_uses(empty_cache, short_training, tmp_path):
    few = ["sweep.snr_db=[6]", "sweep.air.channel=[awgn]", "stop.batch_size=2"]
    few += ["task.data.num_images=1", "task.data.questions_per_image=2"]
    scenario = load_scenario(NAME, short_training(NAME, skip=SHARED) + few)
    result = run(scenario, tmp_path / "out", workers=0, progress=False)
    assert result.schemes == ("TaiChi", "MobileVLM")
    for name in ("TaiChi", "MobileVLM"):
        task, link = scenario.points()[0].scenario.build(name)
        assert link(task.batch(0, 2, Draws(seed=1)), 6.0, Draws(seed=2)).channel_uses.total.tolist() == [1024, 1024]
