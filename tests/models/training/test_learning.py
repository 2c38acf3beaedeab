"""Trainings learn, and change only what they may."""

import json
import random

import numpy as np
import pytest
import torch
from codec_system import CodecSystem, arguments, stages
from torch import nn

from tokencom.models.training import Stage, TrainingError, merge_adapters, train
from tokencom.models.training.log import read_log


class FewItems(CodecSystem):
    num_items = 16


@pytest.mark.parametrize(("channel", "factor"), [("awgn", 0.35), ("rayleigh", 0.5)])
def test_codec_learns(tmp_path, channel, factor):
    stage = Stage(
        name="codec", trainable=("link.codec",), losses={"mse": 1.0}, steps=120, batch_size=16, learning_rate=1e-2,
        warmup_steps=5, snr_db=(5.0, 20.0),
    )  # fmt: skip
    train(FewItems(channel), [stage], folder=tmp_path, **arguments())
    lines = read_log(tmp_path)
    assert [line["step"] for line in lines] == list(range(10, 121, 10))
    assert lines[-1]["mse"] < factor * lines[0]["mse"]


def test_each_stage_changes_only_its_own(tmp_path):
    """What a stage does not train is the same bit for bit, statistics of frozen layers included."""
    system, states = CodecSystem(), [CodecSystem().model.state_dict()]

    def hook(progress):
        if progress.step == progress.steps:
            states.append({n: t.clone() for n, t in system.model.state_dict().items()})

    train(system, stages(4), folder=tmp_path, progress=hook, **arguments())
    start, codec, head, joint = states
    for name, value in start.items():
        assert torch.equal(codec[name], value) != (name.startswith("link.codec") and "mean" not in name
                                                   and "deviation" not in name), name  # fmt: skip
        assert torch.equal(head[name], codec[name]) != name.startswith("head"), name
    adapters = [name for name in joint if ".lora_" in name]
    assert len(adapters) == 4
    for name, value in head.items():
        moved = name if name in joint else name.replace(".weight", ".base_layer.weight").replace(
            ".bias", ".base_layer.bias")  # fmt: skip
        if name.startswith("head"):
            assert torch.equal(joint[moved], value), name
    assert all(joint[name].any() for name in adapters)
    trained = {name for name, p in system.model.named_parameters() if p.requires_grad}
    assert trained == {n for n in joint if n.startswith("link") and "mean" not in n and "deviation" not in n} | set(
        adapters
    )


def test_merged_adapters_compute_the_same(tmp_path):
    system = CodecSystem()
    train(system, stages(4), folder=tmp_path, **arguments())
    tokens = system.tokens[:5]
    before = system.model["head"](tokens)
    assert merge_adapters(system.model) == 2
    assert system.model.state_dict().keys() == CodecSystem().model.state_dict().keys()
    torch.testing.assert_close(system.model["head"](tokens), before, rtol=1e-5, atol=1e-6)


def test_ambient_generators_are_put_back(tmp_path):
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    want = torch.rand(1).item(), np.random.rand(), random.random()  # noqa: NPY002
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    train(CodecSystem(), stages(3)[:1], folder=tmp_path, **arguments())
    assert (torch.rand(1).item(), np.random.rand(), random.random()) == want  # noqa: NPY002


def test_habits_change_no_weights(tmp_path):
    """Logs, evaluations and checkpoints; the card and the log say what was done."""
    system = CodecSystem()
    one = train(system, stages(4), folder=tmp_path / "a", checkpoint_every=3, log_every=1, evaluate_every=2,
                command="tokencom train a.yaml", licence="Apache-2.0", **arguments())  # fmt: skip
    two = train(CodecSystem(), stages(4), folder=tmp_path / "b", log_every=7, **arguments())
    assert one.weights.read_bytes() == two.weights.read_bytes()
    assert system.evaluated == 6
    assert one.card["command"] == "tokencom train a.yaml"
    assert one.card["final"].keys() == {"codec", "head", "joint"}
    assert "Licence: Apache-2.0" in (tmp_path / "a" / "model_card.md").read_text()
    assert json.loads((tmp_path / "a" / "model_card.json").read_text())["seed"] == 5
    lines = read_log(tmp_path / "a")
    assert sum("evaluation/accuracy" in line for line in lines) == 6
    assert {"loss", "mse", "gradient_norm", "learning_rate", "steps_per_second"} <= lines[0].keys()
    assert all(not p.requires_grad or p.grad is None for p in system.model.parameters())


def test_accumulated_parts_give_the_gradient_of_the_whole(tmp_path):
    """Without noise to speak of, two parts of 8 items train as one of 16 does."""
    shared = {"snr_db": (190.0, 190.0), "losses": {"mse": 1.0}, "steps": 3, "batch_size": 16}
    weights = []
    for parts in (1, 2):
        system = CodecSystem()
        stage = Stage(name="codec", trainable=("link.codec",), accumulation=parts, **shared)
        train(system, [stage], folder=tmp_path / str(parts), **arguments())
        weights.append(system.model["link"].codec.state_dict())
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=1e-4)


def test_bfloat16_autocast_reaches_the_model(tmp_path):
    class Watched(CodecSystem):
        def __init__(self):
            super().__init__()
            self.dtypes = set()
            self.model["head"].first.register_forward_hook(lambda m, i, o: self.dtypes.add(o.dtype))

    system = Watched()
    stage = Stage(name="head", trainable=("head",), losses={"task": 1.0}, steps=2, batch_size=8, precision="bfloat16")
    train(system, [stage], folder=tmp_path, **arguments())
    assert system.dtypes == {torch.bfloat16}
    assert all(p.dtype == torch.float32 for p in system.model.parameters())


def test_loss_that_is_not_finite_stops_before_the_weights_are_spoilt(tmp_path):
    class Bad(CodecSystem):
        steps = 0

        def losses(self, batch, snr_db, draws, wanted):
            self.steps += 1
            return {"mse": super().losses(batch, snr_db, draws, wanted)["mse"] * (torch.nan if self.steps == 3 else 1)}

    system = Bad()
    with pytest.raises(TrainingError, match="stage 'codec', step 2: loss is nan"):
        train(system, stages()[:1], folder=tmp_path, **arguments())
    assert all(torch.isfinite(p).all() for p in system.model.parameters())


def test_wrong_losses_and_systems_are_named(tmp_path):
    stage = Stage(name="codec", trainable=("link.codec",), losses={"mes": 1.0}, steps=1, batch_size=4)
    with pytest.raises(ValueError, match="losses: 'mes' is not among those of the system: 'mse'"):
        train(CodecSystem(), [stage], folder=tmp_path, **arguments())
    with pytest.raises(TypeError, match="trainable: Linear has no model, num_items, batch, losses"):
        train(nn.Linear(1, 1), [stage], folder=tmp_path, **arguments())
