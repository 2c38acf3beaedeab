"""Training from the command line: what is made, what is found, and what an interruption leaves."""

import argparse
import json
import multiprocessing
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent))
from training_scenario import YAML, at_step, killed

from tokencom.models.systems.layers import read_layers
from tokencom.models.training import log
from tokencom.models.training.tensors import read_note
from tokencom.scenarios import Results, load_scenario, run
from tokencom.scenarios.cli.train import command
from tokencom.scenarios.engine import training
from tokencom.scenarios.engine.weight_files import file_name
from tokencom.scenarios.schema import trained, weights

CODE = "--allow-code"


@pytest.fixture
def scenario(tmp_path, monkeypatch):
    """The scenario's file; the cache is empty."""
    monkeypatch.setenv("TOKENCOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(log, "_writer", lambda *_: None)  # TensorBoard's import takes its time
    path = tmp_path / "small.yaml"
    path.write_text(YAML, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Bytes of all files of an undisturbed training, by key."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "small.yaml").write_text(YAML, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKENCOM_CACHE", str(folder / "cache"))
        training.train_missing(load_scenario(folder / "small.yaml", allow_code=True), tensorboard=False)
    return contents(folder)


def contents(folder):
    return {path.parent.name: path.read_bytes() for path in (folder / "cache" / "weights").glob("*/model.safetensors")}


def job(path, name, *overrides):
    found = training.jobs(load_scenario(path, overrides, allow_code=True), [name])
    return next(one for one in found if one.scheme.name == name)


class TestTrain:
    def test_it_trains_what_schemes_need_in_order(self, cli, scenario, tmp_path, made):
        code, out, err = cli("train", scenario, CODE)
        assert code == 0, err
        assert err.splitlines() == ["training 'base': 12 steps", "training 'Joint, dense': 8 steps"]
        keys = [job(scenario, name).key for name in ("base", "Joint, dense")]
        assert out.splitlines() == [str(tmp_path / "cache" / "weights" / key / "model.safetensors") for key in keys]
        assert contents(tmp_path) == made

    def test_a_second_time_nothing_is_left_to_do(self, cli, scenario):
        cli("train", scenario, CODE)
        undo = at_step(1, lambda: pytest.fail("a step was done"))
        code, out, err = cli("train", scenario, CODE)
        undo()
        assert (code, err, len(out.splitlines())) == (0, "", 2)

    def test_a_changed_stage_is_another_training(self, cli, scenario, tmp_path, made):
        cli("train", scenario, CODE, "--scheme", "base")
        assert len(contents(tmp_path)) == 1
        code, _, err = cli("train", scenario, "schemes.0.training.stages.1.steps=5", CODE, "--scheme", "base")
        assert code == 0
        assert err.startswith("training 'base': 11 steps")
        assert len(contents(tmp_path)) == 2

    def test_the_started_scheme_begins_with_the_weights_of_the_other(self, scenario):
        training.train_missing(load_scenario(scenario, allow_code=True), ["base"], tensorboard=False)
        base = load_file(trained.find(job(scenario, "base").key))
        trainable, modules = training._trainable(job(scenario, "Joint, dense"), [job])
        state = modules["system"].state_dict()
        assert {f"system.{name}" for name in state} == set(base)
        assert all(torch.equal(value, base[f"system.{name}"]) for name, value in state.items())
        assert trainable._started == (True, False)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--scheme", "bass"], "--scheme: 'bass' is not a scheme with training of its own; did you mean 'base'?"),
            (["--scheme", "analog"], "--scheme: 'analog' is not a scheme with training of its own"),
            (["--bits", 16], "--bits: given without --output"),
            (["--like", "base"], "--like: given without --output"),
            (["schemes.0.training.stages.0.losses={sise: 1}"], "losses: 'sise' is not among those of the system"),
            (["schemes.0.training.stages.0.trainable=[sistem]"], "'sistem' matches no parameter; did you mean"),
        ],
    )
    def test_wrong_input_is_exit_code_2(self, cli, scenario, arguments, message):
        code, out, err = cli("train", scenario, CODE, *arguments)
        assert (code, out) == (2, "")
        assert message in err

    def test_a_system_that_cannot_be_trained_is_told(self, cli, scenario):
        fixed = [f"schemes.{n}.system={{type: python, target: 'fixed_system:FixedSystem'}}" for n in range(3)]
        code, _, err = cli("train", scenario, CODE, *fixed, "--scheme", "base", "--quiet")
        assert code == 2
        assert "scheme 'base': training: system: FixedSystem cannot be trained" in err


class TestInterrupted:
    @pytest.mark.parametrize("step", [9, 15])
    def test_ctrl_c_leaves_a_checkpoint_and_the_same_bytes_come_out(self, cli, scenario, tmp_path, made, step):
        undo = at_step(step, lambda: signal.raise_signal(signal.SIGINT))
        code, _, err = cli("train", scenario, CODE)
        undo()
        assert code == 130
        assert "and the same training goes on from there" in err
        assert len(list((tmp_path / "cache").rglob("checkpoint.safetensors"))) == 1
        assert len(contents(tmp_path)) == int(step > 12)
        assert cli("train", scenario, CODE, "--quiet")[0] == 0
        assert contents(tmp_path) == made

    def test_a_killed_training_gives_the_same_bytes(self, cli, scenario, tmp_path, made):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["torch", "sionna.phy", "accelerate", "peft", "tokencom.scenarios.engine"])
        process = context.Process(target=killed, args=(str(scenario), str(tmp_path / "cache"), 9))
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
        assert contents(tmp_path) == {}
        assert cli("train", scenario, CODE, "--quiet")[0] == 0
        assert contents(tmp_path) == made


class TestRun:
    def test_it_trains_what_is_missing_and_runs(self, cli, scenario, tmp_path, made):
        code, out, err = cli("run", scenario, CODE, "--workers", 0, "--output", tmp_path / "out")
        assert code == 0, err
        assert "training 'Joint, dense'" in err
        assert contents(tmp_path) == made
        results = Results.load(tmp_path / "out")
        assert results.schemes == ("Joint, dense", "analog")
        assert "base" not in out

    def test_it_does_not_train_what_is_there(self, cli, scenario, tmp_path):
        cli("train", scenario, CODE, "--quiet")
        undo = at_step(1, lambda: pytest.fail("a step was done"))
        code, _, err = cli("run", scenario, CODE, "--workers", 0, "--output", tmp_path / "out", "--no-train")
        undo()
        assert (code, err) == (0, "")

    def test_no_train_refuses_and_names_the_command(self, cli, scenario, tmp_path):
        code, out, err = cli("run", scenario, CODE, "--workers", 0, "--output", tmp_path / "out", "--no-train")
        assert (code, out) == (2, "")
        assert "weights of 'base', 'Joint, dense' are missing, and --no-train is given" in err
        assert f"tokencom train {scenario} --allow-code --scheme base" in err
        assert not (tmp_path / "out").exists()

    def test_building_without_weights_names_the_command(self, scenario):
        plan = load_scenario(scenario, allow_code=True)
        with pytest.raises(trained.NotTrainedError, match=r"scheme 'base': .* tokencom train <scenario> --scheme"):
            plan.build("analog")

    def test_links_have_the_weights(self, scenario):
        plan = load_scenario(scenario, allow_code=True)
        training.train_missing(plan, tensorboard=False)
        for name, source in (("Joint, dense", "Joint, dense"), ("analog", "base")):
            _, link = plan.build(name)
            state = load_file(trained.find(job(scenario, source).key))
            for key, tensor in link.system.state_dict().items():
                assert torch.equal(tensor, state[f"system.{key}"]), key
            for key, tensor in link.link.state_dict().items():
                assert torch.equal(tensor, state[f"link.{key}"]), key


class TestPython:
    """The function ``run`` does what the command does."""

    def test_it_trains_what_is_missing_and_runs(self, scenario, tmp_path, made):
        plan = load_scenario(scenario, allow_code=True)
        results = run(plan, tmp_path / "out", workers=0, progress=False)
        assert contents(tmp_path) == made
        assert results.schemes == ("Joint, dense", "analog")
        assert np.isfinite(results.value[:, :, 0]).all()

    def test_without_train_it_refuses_before_it_writes(self, scenario, tmp_path):
        plan = load_scenario(scenario, allow_code=True)
        message = r"weights of 'base', 'Joint, dense' are missing, and train=False is given; .* --scheme base"
        with pytest.raises(trained.NotTrainedError, match=message):
            run(plan, tmp_path / "out", workers=0, train=False, progress=False)
        assert not (tmp_path / "out").exists()
        assert contents(tmp_path) == {}


class TestOutput:
    def test_files_are_ready_to_be_shipped(self, cli, scenario, tmp_path, monkeypatch):
        folder = tmp_path / "shipped"
        code, out, err = cli("train", scenario, CODE, "--output", folder, "--quiet")
        assert code == 0, err
        names = ["small_base", "small_joint_dense"]
        assert out.splitlines() == [str(folder / f"{name}.safetensors") for name in names]
        card = json.loads((folder / "small_joint_dense.json").read_text())
        assert card["name"] == "small_joint_dense"
        assert card["key"] == job(scenario, "Joint, dense").key
        assert card["command"] == f"tokencom train {scenario} --allow-code --scheme 'Joint, dense'"
        assert card["system"]["system"] == {"type": "tiny", "dim": 4, "num_words": 32}
        assert card["system"]["link"]["codec"]["symbols_per_token"] == 2
        monkeypatch.setenv("TOKENCOM_CACHE", str(tmp_path / "empty"))
        monkeypatch.setattr(weights, "folder", lambda: folder)
        monkeypatch.setattr(trained, "folder", lambda: folder)
        weights.cards.cache_clear()
        assert cli("run", scenario, CODE, "--workers", 0, "--output", tmp_path / "o", "--no-train")[0] == 0
        monkeypatch.undo()
        weights.cards.cache_clear()

    def test_schemes_whose_names_differ_in_signs_have_their_own_files(self):
        made = [one for one in training.jobs(load_scenario("unitocom/adaptive")) if one.scheme.name.endswith("6 dB")]
        assert [file_name(one, single=True) for one in made] == [f"adaptive_6_db_{one.key[:8]}" for one in made]
        assert [one.scheme.name for one in made] == ["-6 dB", "6 dB"]

    def test_a_command_names_a_scheme_with_a_minus_in_front(self):
        given = argparse.Namespace(scenario="a.yaml", overrides=[], allow_code=False)
        typed = [command(given, argparse.Namespace(name=name)) for name in ("-6dB", "6 dB")]
        assert typed == ["tokencom train a.yaml --scheme=-6dB", "tokencom train a.yaml --scheme '6 dB'"]

    def test_a_written_file_can_be_named(self, cli, scenario, tmp_path):
        cli("train", scenario, CODE, "--output", tmp_path / "out", "--quiet")
        plan = load_scenario(
            scenario, [f"schemes.1.link.weights={tmp_path}/out/small_joint_dense.safetensors"], allow_code=True
        )
        state = load_file(tmp_path / "out" / "small_joint_dense.safetensors")
        _, named = trained.parts(plan, plan.scheme("Joint, dense"))
        assert all(torch.equal(value, state[f"link.{name}"]) for name, value in named.state_dict().items())

    def test_what_a_training_left_as_it_was_is_read_from_its_start(self, cli, scenario, tmp_path, monkeypatch):
        stage = "schemes.1.training.stages=[{name: codec, trainable: ['link.*'], steps: 8, batch_size: 8,"
        given = [scenario, CODE, f"{stage} losses: {{mse: 1}}}}]"]
        assert cli("train", *given, "--output", tmp_path / "out", "--quiet")[0] == 0
        state = load_file(tmp_path / "out" / "small_joint_dense.safetensors")
        assert {name.split(".")[0] for name in state} == {"link"}
        assert cli("run", *given, "--workers", 0, "--output", tmp_path / "a")[0] == 0
        monkeypatch.setenv("TOKENCOM_CACHE", str(tmp_path / "empty"))
        monkeypatch.setattr(weights, "folder", lambda: tmp_path / "out")
        monkeypatch.setattr(trained, "folder", lambda: tmp_path / "out")
        weights.cards.cache_clear()
        code, _, err = cli("run", *given, "--workers", 0, "--output", tmp_path / "b", "--no-train")
        assert code == 0, err
        assert np.array_equal(*(Results.load(tmp_path / name).value for name in "ab"), equal_nan=True)
        plan = load_scenario(scenario, given[2:], allow_code=True)
        assert len(trained.identity(plan, plan.schemes[1])["file"]) == 2
        monkeypatch.undo()
        weights.cards.cache_clear()

    def test_half_precision_comes_back_in_single(self, cli, scenario, tmp_path):
        for folder, more in (("full", []), ("half", ["--bits", 16])):
            assert cli("train", scenario, CODE, "--output", tmp_path / folder, "--quiet", *more)[0] == 0
        full, half = (load_file(tmp_path / folder / "small_joint_dense.safetensors") for folder in ("full", "half"))
        for name, tensor in full.items():
            assert half[name].dtype == (torch.float16 if tensor.is_floating_point() else tensor.dtype)
            np.testing.assert_allclose(half[name].float(), tensor, rtol=2**-11, atol=1e-7)
        from tokencom.models.systems.state import load_state

        plan = load_scenario(scenario, allow_code=True)
        system, link = trained.parts(plan, plan.scheme("Joint, dense"))
        load_state({"system": system, "link": link}, tmp_path / "half" / "small_joint_dense.safetensors")
        assert link.codec.mean.dtype == torch.float32
        assert torch.equal(link.codec.mean, half["link.codec.mean"].float())

    def test_differences_from_other_weights_come_back_as_the_numbers_themselves(self, cli, scenario, tmp_path):
        """Of another seed, which begins with the weights of another base."""
        out = [scenario, CODE, "--quiet", "--bits", 6]
        seed = "schemes.1.training.seed=7"
        for folder, more in (("a", []), ("b", ["--like", "small_base"])):
            if more:
                code, _, err = cli("train", *out, "--scheme", "base", "--output", tmp_path / folder)
                assert code == 0, err
            code, _, err = cli("train", *out, seed, "--scheme", "Joint, dense", "--output", tmp_path / folder, *more)
            assert code == 0, err
        alone, beside = (read_layers(tmp_path / folder / "small_joint_dense.safetensors")[0] for folder in "ab")
        assert alone.keys() == beside.keys()
        assert all(torch.equal(alone[name], beside[name]) for name in alone)
        base = json.loads((tmp_path / "b" / "small_base.json").read_text(encoding="utf-8"))["key"]
        assert read_note(tmp_path / "b" / "small_joint_dense.safetensors")["start"] == base

    def test_weights_to_differ_from_must_be_there_and_stand_by_themselves(self, cli, scenario, tmp_path):
        given = ["train", scenario, CODE, "--quiet", "--output", tmp_path / "out", "--scheme"]
        assert cli(*given, "base")[0] == cli(*given, "Joint, dense")[0] == 0
        for scheme, like, message in (
            ("base", "small_joint_dens", "there is no .*; did you mean 'small_joint_dense'"),
            ("base", "small_joint_dense", "small_joint_dense.safetensors goes on from .*small_base.safetensors itself"),
            ("base", "small_base", "there is no "),
        ):
            code, _, err = cli(*given, scheme, "--like", like)
            assert code == 2
            assert re.search(f"like: .*{message}", err), err


class TestLearningCurves:
    """A figure of losses against steps."""

    def test_losses_of_the_last_stage_are_the_results(self, cli, scenario, tmp_path):
        folder = tmp_path / "out"
        code, _, err = cli("run", scenario, CODE, "figure=training", "--output", folder)
        assert code == 0, err
        results = Results.load(folder)
        assert results.schemes == ("Joint, dense", "analog")
        assert [metric.name for metric in results.metrics] == ["loss"]
        for name, source, steps in (("Joint, dense", "Joint, dense", 8), ("analog", "base", 6)):
            lines = log.read_log(trained.find(job(scenario, source).key).parent)
            curve = results.curve(name, "loss", along="step")
            shown = np.isfinite(curve.value)
            assert curve.x[shown].tolist() == [steps]
            assert curve.value[shown][0] == pytest.approx(lines[-1]["loss"], rel=1e-4)
        assert (folder / "curves.png").stat().st_size > 5000
        assert "Loss" in (folder / "report.html").read_text(encoding="utf-8")

    def test_a_scheme_with_the_weights_of_another_one_is_not_drawn_twice(self, cli, scenario, tmp_path):
        folder = tmp_path / "out"
        more = "schemes.2.training.start=Joint, dense"
        code, _, err = cli("run", scenario, CODE, "figure=training", more, "--output", folder)
        assert code == 0, err
        assert Results.load(folder).schemes == ("Joint, dense",)

    def test_it_is_refused_for_schemes_without_training(self, cli, tmp_path):
        path = tmp_path / "bits.yaml"
        path.write_text(
            "name: a\nfigure: training\nsnr_db: 3\ntask: {type: bits, num_bits: 8}\n"
            "air: {type: flat, channel: awgn}\nschemes: [{name: BPSK, type: digital, link: {type: digital,"
            " code: uncoded, constellation_type: pam, num_bits_per_symbol: 1}}]\n",
            encoding="utf-8",
        )
        code, _, err = cli("run", path)
        assert code == 2
        assert "figure: 'training' needs schemes that are trained here; 'BPSK' is not" in err
