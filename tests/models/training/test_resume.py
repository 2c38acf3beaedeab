"""Trainings that are killed or interrupted, and then resumed."""

import multiprocessing
import os
import random
import signal
import time

import pytest
from codec_system import CodecSystem, arguments, stages
from runner_of_training import PRELOAD, run

from tokencom.models.training import train


class Started:
    """A training in a process of its own, which tells its steps."""

    def __init__(self, folder, seconds=0.02):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        self.told = []
        self._here, there = context.Pipe(duplex=False)
        self.process = context.Process(target=run, args=(str(folder), seconds, there))
        self.process.start()
        there.close()

    def wait_for(self, count):
        """Wait until ``count`` steps are told."""
        while len(self.told) < count and self._here.poll(120):
            self.told.append(self._here.recv())

    def end(self):
        """Return the exit code, after everything was told."""
        try:
            while self._here.poll(120):
                self.told.append(self._here.recv())
        except EOFError:
            pass
        self.process.join(120)
        return self.process.exitcode


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return train(CodecSystem(), stages(), folder=folder, **arguments()).weights.read_bytes()


@pytest.mark.parametrize("counts", [(3, 9), pytest.param((3, 1, 7, 2, 9, 4), marks=pytest.mark.verify)])
def test_killed_at_random_moments(tmp_path, undisturbed, counts):
    """Starts are killed at a random moment after some of the 36 steps, most of which are steps of a later stage."""
    chance = random.Random(1)
    last = 0
    for count in counts:
        started = Started(tmp_path)
        started.wait_for(count)
        assert len(started.told) >= count
        assert last <= started.told[0] <= last + 1, "a start goes on where the one before was killed"
        time.sleep(chance.random() * 0.1)
        started.process.kill()
        assert started.end() == -signal.SIGKILL
        last = started.told[-1]
        assert not (tmp_path / "weights.safetensors").exists()
    train(CodecSystem(), stages(), folder=tmp_path, **arguments())
    assert (tmp_path / "weights.safetensors").read_bytes() == undisturbed
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_two_processes_make_a_training_once(tmp_path, undisturbed):
    first = Started(tmp_path)
    first.wait_for(1)
    second = Started(tmp_path)
    assert first.end() == second.end() == 0
    assert first.told == list(range(1, 37))
    assert second.told == []
    assert (tmp_path / "weights.safetensors").read_bytes() == undisturbed


def test_a_process_goes_on_where_the_one_that_it_waited_for_was_killed(tmp_path, undisturbed):
    first = Started(tmp_path)
    first.wait_for(2)
    second = Started(tmp_path)
    first.wait_for(6)
    first.process.kill()
    assert first.end() == -signal.SIGKILL
    assert second.end() == 0
    assert second.told[0] - first.told[-1] in (0, 1)
    assert second.told[-1] == 36
    assert (tmp_path / "weights.safetensors").read_bytes() == undisturbed


def test_waiting_is_said_aloud(tmp_path):
    first = Started(tmp_path)
    first.wait_for(1)
    with pytest.warns(UserWarning, match="another process is at this training; waiting for its end"):
        train(CodecSystem(), stages(), folder=tmp_path, **arguments())
    assert first.end() == 0


def test_stopped_at_every_step(tmp_path, undisturbed):
    """In one process: a training that fails after each step, and starts anew with a fresh system."""

    class StopError(Exception):
        pass

    starts = 0

    def stop(progress):
        raise StopError

    while not (tmp_path / "weights.safetensors").exists():
        starts += 1
        assert starts < 40
        # The hook comes before the checkpoint, so let one step pass.
        seen = []

        def hook(progress, seen=seen):
            seen.append(progress)
            if len(seen) == 3:
                stop(progress)

        try:
            train(CodecSystem(), stages(), folder=tmp_path, checkpoint_every=1, progress=hook, **arguments())
        except StopError:
            continue
    assert starts > 10
    assert (tmp_path / "weights.safetensors").read_bytes() == undisturbed


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.verify)])
def test_interrupted(tmp_path, undisturbed, number):
    started = Started(tmp_path)
    started.wait_for(15)
    os.kill(started.process.pid, number)
    assert started.end() == 130
    message = started.told[-1]
    assert "interrupted after step" in message
    assert "of stage 'head'; saved in" in message
    assert "the same training goes on from there" in message
    train(CodecSystem(), stages(), folder=tmp_path, **arguments())
    assert (tmp_path / "weights.safetensors").read_bytes() == undisturbed


def test_other_frozen_parameters_are_refused(tmp_path):
    _run_some(tmp_path)
    system = CodecSystem()
    system.model["head"].first.weight.data[0, 0] += 1.0  # frozen in the first stage
    with pytest.raises(ValueError, match="other frozen parameters"):
        train(system, stages(), folder=tmp_path, **arguments())


def test_other_training_in_the_folder_is_refused(tmp_path):
    _run_some(tmp_path)
    with pytest.raises(ValueError, match="is of another training"):
        train(CodecSystem(), stages(), folder=tmp_path, **arguments(seed=6))
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    (tmp_path / "checkpoint.safetensors").write_bytes(before[: len(before) // 2])
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors: is no safetensors file"):
        train(CodecSystem(), stages(), folder=tmp_path, **arguments())


def _run_some(folder):
    def hook(progress):
        if progress.total_step == 4:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        train(CodecSystem(), stages(), folder=folder, checkpoint_every=1, progress=hook, **arguments())
