"""Weights, keys, order and schedule."""

import itertools

import numpy as np
import pytest
import torch
from codec_system import CodecSystem, arguments, stages
from torch import nn

from tokencom.models.training import (
    LoRA,
    ParameterGroup,
    Stage,
    StepDraws,
    WeightsError,
    add_adapters,
    item_order,
    load_weights,
    train,
    training_key,
    weights_path,
)
from tokencom.models.training.config import check_stages
from tokencom.models.training.parameters import groups_of, select
from tokencom.models.training.randomness import draw_snr_db


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    system = CodecSystem()
    return system, train(system, stages(3), folder=tmp_path_factory.mktemp("trained"), **arguments())


def test_loaded_weights_are_those_trained(trained):
    system, result = trained
    fresh = CodecSystem()
    note = load_weights(fresh.model, result.weights, expect=result.key)
    assert note["key"] == result.key
    for name, value in system.model.state_dict().items():
        assert torch.equal(fresh.model.state_dict()[name], value), name


def test_a_second_call_loads_what_is_there(trained, monkeypatch):
    system, result = trained
    fresh = CodecSystem()
    monkeypatch.setattr(fresh, "losses", lambda *_: pytest.fail("trained again"))
    again = train(fresh, stages(3), folder=result.folder, **arguments())
    assert again.key == result.key
    assert again.card == result.card
    assert torch.equal(
        fresh.model["head"].state_dict()["second.base_layer.weight"],
        system.model["head"].state_dict()["second.base_layer.weight"],
    )
    with pytest.raises(ValueError, match="is of another training"):
        train(CodecSystem(), stages(4), folder=result.folder, **arguments())


def test_only_trained_parameters_are_in_the_file(tmp_path):
    system = CodecSystem()
    result = train(system, [stages(3)[0]], folder=tmp_path, **arguments())
    from safetensors import safe_open

    with safe_open(str(result.weights), "pt") as file:
        names = set(file.keys())
    assert not any(name.startswith("head.first") for name in names)
    assert "head.statistics.running_mean" in names  # buffers are
    other = CodecSystem()
    other.model["head"].second.weight.data.mul_(2.0)
    with pytest.raises(WeightsError, match="other frozen parameters"):
        load_weights(other.model, result.weights)
    load_weights(other.model, result.weights, check_base=False)


def test_files_that_do_not_fit_are_refused(trained, tmp_path):
    _, result = trained
    with pytest.raises(WeightsError, match=f"another configuration: key {result.key}, but abc is needed"):
        load_weights(CodecSystem().model, result.weights, expect="abc")
    system = CodecSystem()
    system.model["head"].first = nn.Linear(16, 20)
    before = {name: value.clone() for name, value in system.model["link"].state_dict().items()}
    with pytest.raises(
        WeightsError, match=r"head.first.base_layer.weight is \[32, 16\] in the file, \[20, 16\] in the model"
    ):
        load_weights(system.model, result.weights)
    assert all(torch.equal(before[name], value) for name, value in system.model["link"].state_dict().items())
    system = CodecSystem()
    del system.model["head"].statistics
    with pytest.raises(WeightsError, match=r"head\.statistics\.\w+ is not in the model"):
        load_weights(system.model, result.weights)
    pickle = tmp_path / "weights.safetensors"
    torch.save({"a": torch.ones(1)}, pickle)
    with pytest.raises(WeightsError, match="is no safetensors file of a training"):
        load_weights(CodecSystem().model, pickle)
    with pytest.raises(WeightsError, match="does not exist"):
        load_weights(CodecSystem().model, tmp_path / "none.safetensors")


def test_key_follows_from_what_makes_weights(tmp_path, monkeypatch):
    base = {"system": {"dim": 4, "air": "awgn"}, "stages": stages(), "data": {"type": "sst2"}, "seed": 1}
    key = training_key(**base)
    assert key == training_key(**{**base, "system": {"air": "awgn", "dim": 4}})
    others = [
        {"system": {"dim": 5, "air": "awgn"}}, {"stages": stages(13)}, {"data": {"type": "trec"}}, {"seed": 2},
        {"versions": {"torch": "2.13.0"}},
    ]  # fmt: skip
    assert len({key, *(training_key(**{**base, **other}) for other in others)}) == 6
    monkeypatch.setenv("TOKENCOM_CACHE", str(tmp_path))
    assert weights_path(key) == tmp_path / "weights" / key / "weights.safetensors"
    with pytest.raises(TypeError, match="JSON types"):
        training_key(**{**base, "system": {"air": object()}})


def test_cache_folder_is_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKENCOM_CACHE", str(tmp_path))
    result = train(CodecSystem(), [stages(3)[0]], **arguments())
    assert result.weights == weights_path(result.key)
    assert result.weights.exists()


def test_order_is_a_permutation_of_each_epoch():
    items = np.concatenate([item_order(1, "a", step, 7, 10) for step in range(10)])
    epochs = items.reshape(7, 10)
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 7
    assert not np.array_equal(items[:10], np.concatenate([item_order(1, "b", s, 7, 10) for s in range(2)])[:10])
    assert item_order(1, "a", 3, 2, None).tolist() == [6, 7]


def test_snr_and_draws_follow_from_seed_stage_and_step():
    first = draw_snr_db(1, "a", 0, (-2.0, 20.0), 1000)
    assert first.dtype == torch.float32
    assert bool(((first >= -2) & (first <= 20)).all())
    # Mean of 1000 draws from U(-2, 20): 9, standard error 0.2; 5 of them are exceeded with probability 6e-7.
    assert abs(first.mean().item() - 9.0) < 1.0
    assert torch.equal(first, draw_snr_db(1, "a", 0, (-2.0, 20.0), 1000))
    assert not torch.equal(first, draw_snr_db(1, "a", 1, (-2.0, 20.0), 1000))
    seeds = {
        StepDraws.of(seed, stage, step, part).seed_of("noise")
        for seed in (1, 2) for stage in ("a", "b") for step in (0, 1) for part in (0, 1)
    }  # fmt: skip
    assert len(seeds) == 16


def test_schedule():
    stage = Stage(name="a", trainable=("*",), steps=110, warmup_steps=10, final_ratio=0.1)
    factors = [stage.learning_rate_factor(step) for step in range(110)]
    assert factors[0] == 0.1
    assert factors[9] == factors[10] == 1.0
    assert factors[-1] == pytest.approx(0.1)
    assert all(a >= b for a, b in itertools.pairwise(factors[10:]))
    flat = Stage(name="a", trainable=("*",), steps=5, schedule="constant")
    assert [flat.learning_rate_factor(step) for step in range(5)] == [1.0] * 5


def test_groups_and_modes():
    model = CodecSystem().model
    stage = Stage(
        name="a", trainable=("link.codec", "head.second"), frozen=("link.codec.encoder_*",), steps=1, weight_decay=0.5,
        learning_rate=1e-2, groups=(ParameterGroup(pattern="head", learning_rate=1e-4, weight_decay=0.0),),
    )  # fmt: skip
    chosen = select(model, stage)
    assert chosen[0] == "link.codec.decoder_in.weight"
    groups = {(g["lr"], g["weight_decay"]): g["names"] for g in groups_of(model, chosen, stage)}
    assert set(groups) == {(1e-2, 0.5), (1e-2, 0.0), (1e-4, 0.0)}
    assert groups[1e-4, 0.0] == ["head.second.weight", "head.second.bias"]
    assert all(name.endswith("weight") for name in groups[1e-2, 0.5])
    assert not model["head"].dropout.training
    assert not model["link"].codec.encoder_in.training
    assert model["link"].codec.decoder_in.training
    select(model, Stage(name="a", trainable=("head",), steps=1))
    assert model["head"].dropout.training
    assert not model["link"].codec.training


def test_bad_stages_are_named():
    model = CodecSystem().model
    with pytest.raises(ValueError, match=r"trainable: 'link.codek' matches no parameter; did you mean 'link.codec'\?"):
        select(model, Stage(name="a", trainable=("link.codek",), steps=1))
    with pytest.raises(ValueError, match=r"lora.target_modules: no layer is named 'frist'; did you mean 'first'\?"):
        add_adapters(model, LoRA(target_modules=("frist",)))
    cases = {
        "steps": 0, "batch_size": 0, "schedule": "cosin", "precision": "float16", "snr_db": (3.0, 1.0),
        "learning_rate": float("nan"), "gradient_clip": 0.0, "losses": {"a": 0.0}, "betas": (0.9, 1.0),
        "accumulation": 3, "trainable": (), "warmup_steps": 9, "name": "",
    }  # fmt: skip
    good = {"name": "a", "trainable": ("*",), "steps": 8, "batch_size": 4}
    for name, value in cases.items():
        with pytest.raises(ValueError, match=name):
            Stage(**{**good, name: value})
    with pytest.raises(TypeError, match="is one text"):
        Stage(**{**good, "trainable": "head"})
    with pytest.raises(ValueError, match="2 are named 'a'"):
        check_stages([Stage(**good), Stage(**good)])
    loras = [Stage(**{**good, "name": f"s{r}", "lora": LoRA(target_modules=("q",), r=r)}) for r in (1, 2)]
    with pytest.raises(ValueError, match="lora of 's2' differs from that of 's1'"):
        check_stages(loras)


def test_stages_are_frozen_and_hash_the_same_from_lists():
    assert Stage(name="a", trainable=["x"], steps=1) == Stage(name="a", trainable=("x",), steps=1)
