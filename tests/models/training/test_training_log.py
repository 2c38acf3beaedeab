"""Logs and progress of a training."""

import importlib.util
import io

import pytest
from codec_system import CodecSystem, arguments, stages

from tokencom.models.training import train
from tokencom.models.training.log import read_log
from tokencom.models.training.progress import TextProgress

TIMING = {"seconds", "steps_per_second"}


def _without_timing(folder):
    return [{name: value for name, value in line.items() if name not in TIMING} for line in read_log(folder)]


def test_log_of_a_resumed_training_is_that_of_an_undisturbed_one(tmp_path):
    habits = {"log_every": 4, "evaluate_every": 3, "checkpoint_every": 5}
    train(CodecSystem(), stages(9), folder=tmp_path / "a", **habits, **arguments())
    for stop in (8, 13, 21):

        def hook(progress, stop=stop):
            if progress.total_step == stop:
                raise RuntimeError("enough")

        with pytest.raises(RuntimeError, match="enough"):
            train(CodecSystem(), stages(9), folder=tmp_path / "b", progress=hook, **habits, **arguments())
        with (tmp_path / "b" / "log.jsonl").open("a") as file:
            file.write('{"stage": "cod')  # as a kill in the middle of a line leaves it
    train(CodecSystem(), stages(9), folder=tmp_path / "b", **habits, **arguments())
    assert _without_timing(tmp_path / "a") == _without_timing(tmp_path / "b")


def test_progress_tells_stage_pace_and_time_left(tmp_path):
    seen, stream = [], io.StringIO()
    line = TextProgress(stream, interval=0.0)

    def hook(progress):
        seen.append(progress)
        line(progress)

    train(CodecSystem(), stages(3), folder=tmp_path, progress=hook, **arguments())
    line.close()
    assert [p.total_step for p in seen] == list(range(1, 10))
    assert [p.stage for p in seen] == ["codec"] * 3 + ["head"] * 3 + ["joint"] * 3
    assert all(p.seconds_left is not None and p.seconds_left >= 0 for p in seen)
    assert seen[-1].seconds_left == 0
    assert "head 2/3  loss" in stream.getvalue()
    assert stream.getvalue().endswith("\n")


@pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed: pip install tensorboard"
)
def test_tensorboard_events(tmp_path):
    train(CodecSystem(), stages(3)[:1], folder=tmp_path, **arguments(tensorboard=True))
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert b"codec/loss" in events.read_bytes()
