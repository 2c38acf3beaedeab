"""Answers from a closed list, by a classifier on the hidden state behind the output mark."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.links import AnalogLink
from tokencom.models.systems import LinkTraining, SystemLink
from tokencom.models.systems.state import copy_state, load_state, save_state
from tokencom.models.tokcom import TokCom
from tokencom.models.tokcom.presets import TEXT
from tokencom.models.training import Stage, train
from tokencom.scenarios.datasets.base import ListDataset

sys.path.insert(0, str(Path(__file__).parent))
from small_tokcom import AUDIO, SAMPLES, SMALL, VIDEO, small

LISTED = (*sorted({sample.references[0] for sample in SAMPLES}), "nowhere")


def closed(**changes):
    return small(head="discriminative", answers=LISTED, **changes)


def test_loss_is_that_of_the_scores_of_the_last_hidden_state():
    system = closed()
    batch = system.collate(SAMPLES)
    assert batch["label"].tolist() == [LISTED.index(sample.references[0]) for sample in SAMPLES]
    assert tuple(system.server.scores.weight.shape) == (len(LISTED), 16)
    losses, chosen = [], []
    with torch.no_grad():
        for sample, label in zip(SAMPLES, batch["label"], strict=True):
            tokens = system.encode([sample])
            parts = dict(zip(("video", "audio", "text"), tokens.values.split([5, 4, tokens.values.shape[1] - 9], 1),
                             strict=True))  # fmt: skip
            heads = [system.server.heads[name].layers(part) for name, part in parts.items()]
            row = torch.cat([*heads, system.language.embed(torch.tensor([system.texts.ids("<output>")]))], 1)
            seen = torch.ones(row.shape[1], row.shape[1]).bool().tril()
            seen[:9, :9] = True
            model = system.language.model.model
            hidden = model(inputs_embeds=row, attention_mask=seen[None, None]).last_hidden_state[0, -1]
            scores = system.server.scores(hidden)
            losses.append(torch.nn.functional.cross_entropy(scores, label))
            chosen.append(LISTED[int(scores.argmax())])
        loss = system.loss(system.tokens(batch), batch)
    torch.testing.assert_close(loss, torch.stack(losses).mean(), atol=1e-5, rtol=0)
    assert system.answer(system.encode(SAMPLES), SAMPLES) == chosen
    assert len(set(chosen)) > 1


@pytest.mark.parametrize("devices", [(VIDEO, AUDIO, TEXT), (VIDEO, AUDIO)])
def test_the_gradient_reaches_devices_and_server(devices):
    system = closed(devices=devices)
    batch = system.collate(SAMPLES)
    system.loss(system.tokens(batch), batch).backward()
    reached = {name for name, p in system.named_parameters() if p.grad is not None and bool(p.grad.abs().sum() > 0)}
    assert {"server.scores.weight", "server.scores.bias"} <= reached
    for device in devices:
        assert any(name.startswith(f"server.heads.{device.name}.") for name in reached)
    assert {"devices.video.projector.weight", "devices.audio.projector.weight"} <= reached


def test_an_answer_outside_the_list_is_refused():
    other = replace(SAMPLES[1], references=("nowher",))
    with pytest.raises(ValueError, match=f"'nowher', the answer of sample '{other.id}', is none of .* 'nowhere'"):
        closed().collate([SAMPLES[0], other])
    assert "label" not in small().collate([other])
    batch = closed().collate(SAMPLES)
    assert torch.isfinite(closed().auxiliary(batch, ["reading"])["reading"])


def test_a_few_steps_over_a_link_lower_the_loss(tmp_path):
    torch.manual_seed(0)
    system = closed()
    model = SystemLink(system, AnalogLink(FlatAirInterface(channel="awgn"), 16, length="known"))
    stage = Stage(
        name="answers", trainable=("system.devices.*.projector", "system.server.heads", "system.server.scores"),
        steps=15, batch_size=3, learning_rate=2e-2, losses={"task": 1.0}, snr_db=(10.0, 20.0),
    )  # fmt: skip
    batch = system.collate(SAMPLES)
    with torch.no_grad():
        before = system.loss(system.tokens(batch), batch)
    data = ListDataset(name="clips", samples=SAMPLES)
    assert train(LinkTraining(model, data, group=3), [stage], seed=1, folder=tmp_path, data={}, system={}) is not None
    with torch.no_grad():
        after = system.loss(system.tokens(batch), batch)
    assert after < 0.7 * before


def test_training_starts_from_weights_of_the_other_head(tmp_path):
    source, target = small(), TokCom(replace(closed().config, seed=5)).eval()
    own = {name: tensor.clone() for name, tensor in target.server.scores.state_dict().items()}
    path = tmp_path / "s.safetensors"
    save_state(path, {"system": source}, key="k")
    for put in (
        lambda **given: load_state({"system": target}, path, **given),
        lambda **given: copy_state({"system": source}, {"system": target}, **given),
    ):
        with pytest.raises(ValueError, match=r"system.server.scores.weight is missing"):
            put()
        put(starts=True)
        assert all(torch.equal(tensor, own[name]) for name, tensor in target.server.scores.state_dict().items())
        mine = dict(target.named_parameters())
        assert all(torch.equal(tensor, mine[name]) for name, tensor in source.named_parameters())
        with torch.no_grad():
            next(target.server.heads.parameters()).add_(1.0)
    save_state(path, {"system": source.server}, key="k")
    with pytest.raises(ValueError, match="is missing"):
        load_state({"system": target}, path, starts=True)


def test_the_list_is_part_of_what_weights_belong_to():
    assert TokCom(SMALL).configuration() != closed().configuration()
    assert closed().configuration()["answers"] == list(LISTED)
