"""Schemes whose devices send a clip and a question themselves: what they may say, and what is built from them."""

from typing import Any

import pytest
import torch

from tokencom.linklevel import Draws
from tokencom.linklevel.links import SourceLink
from tokencom.linklevel.multiuser import DevicesLink, OrthogonalAccess
from tokencom.linklevel.sources import JPEG, UTF8, Frames, Opus
from tokencom.models.systems.state import save_state
from tokencom.models.tokcom import SourceDevicesLink
from tokencom.scenarios.cli.audit import payload_of, reports
from tokencom.scenarios.schema import Scenario, trained
from tokencom.scenarios.schema.starting import same_link

pytest.importorskip("av", reason="extra 'data' is not installed")

BLOCK = {"type": "digital", "code": "ldpc5g", "coderate": 0.5, "num_bits_per_symbol": 4}
SOURCE = {
    "type": "clip", "video": {"type": "jpeg", "abbreviated": True}, "audio": {"type": "opus"}, "text": {"type": "utf8"},
}  # fmt: skip
DIGITAL = {
    "type": "devices",
    "access": {"type": "orthogonal", "shares": "payload"},
    "links": [{**BLOCK, "num_channel_uses": budget} for budget in (1144, 6144, 300)],
}
REALS = {"type": "jscc", "codec": {"type": "dense", "symbols_per_token": 2}, "length": "known"}
TOKENS = {
    "type": "devices", "num_tokens": [32, 32], "access": {"type": "orthogonal"},
    "links": [REALS, REALS, {**REALS, "length": "charged"}],
}  # fmt: skip
SYSTEM = {"type": "tokcom", "preset": "tiny", "sampling_rate": 8000}
CHAIN = {
    "name": "chain", "type": "token", "system": SYSTEM, "source": SOURCE, "link": DIGITAL, "trained_over": TOKENS,
    "training": {"start": "tokens"},
}  # fmt: skip
STAGE = {"name": "all", "steps": 1, "batch_size": 1, "trainable": ["*"], "losses": {"task": 1.0}}
DATA = {"type": "avqa_synth", "num_clips": 3, "questions_per_clip": 4}
SENDER = {
    "name": "tokens", "type": "token", "system": SYSTEM, "link": TOKENS,
    "training": {"data": {**DATA, "split": "train"}, "stages": [STAGE]},
}  # fmt: skip


def scenario(*others: dict[str, Any], task: Any = None, **changes: Any) -> Scenario:
    return Scenario.model_validate({
        "name": "clips",
        "task": task or {"type": "vqa", "data": DATA},
        "air": {"type": "flat", "channel": "awgn"},
        "schemes": [{**CHAIN, **changes}, *(others or [SENDER])],
        "snr_db": 40.0,
    })  # fmt: skip


def alone(**changes: Any) -> Scenario:
    """Return a scenario of the chain without training."""
    return Scenario.model_validate({
        **scenario().model_dump(), "schemes": [{**CHAIN, "training": None, "trained_over": None, **changes}],
    })  # fmt: skip


def test_builds_what_it_describes() -> None:
    task, link = alone().build("chain")
    assert isinstance(link, SourceDevicesLink)
    assert isinstance(link.link.access, OrthogonalAccess)
    assert link.trained_over is None
    found = [type(one.source) for one in link.link.devices if isinstance(one, SourceLink)]
    assert found == [Frames, Opus, UTF8]
    video: Any = link.link.devices[0]
    assert isinstance(video.source.codec, JPEG)
    assert video.source.shape == (8, 32, 32, 3)
    reception = link(task.batch(0, 2, Draws(seed=1)), 40.0, Draws(seed=2))
    assert reception.channel_uses.total.tolist() == [1144 + 6144 + 300] * 2
    assert bool(reception.ok.all())
    assert alone().build_key("chain") != alone(trained_over=TOKENS).build_key("chain")


def test_system_and_codecs_have_the_weights_of_the_scheme_that_it_starts_from(tmp_path, monkeypatch) -> None:
    described = scenario()
    chain, sender = described.schemes
    assert same_link(chain, sender)
    assert chain.needs_link_weights
    assert trained.source_of(described, chain) is sender
    system, link = trained.parts(described, sender)
    with torch.no_grad():
        for parameter in [*system.parameters(), *link.parameters()]:
            parameter.add_(0.25)
    path = tmp_path / "model.safetensors"
    save_state(path, {"system": system, "link": link}, key="0")
    monkeypatch.setattr(trained, "find", lambda key: path)
    built: Any = described.build("chain")[1]
    assert isinstance(built.trained_over, DevicesLink)
    for own, other in ((built.system, system), (built.trained_over, link)):
        pairs = list(zip(own.parameters(), other.parameters(), strict=True))
        assert pairs
        assert all(torch.equal(one, two) for one, two in pairs)


def test_a_head_of_another_kind_may_start_from_weights_but_not_answer_with_them(tmp_path, monkeypatch) -> None:
    closed = {**SYSTEM, "head": "discriminative", "answers": ["yes", "no"]}
    described = scenario(SENDER, {**SENDER, "name": "closed", "system": closed, "training": {"start": "tokens"}})
    system, link = trained.parts(described, described.scheme("tokens"))
    path = tmp_path / "model.safetensors"
    save_state(path, {"system": system, "link": link}, key="0")
    monkeypatch.setattr(trained, "find", lambda key: path)
    other, _ = trained.parts(described, described.scheme("closed"))
    trained.put(described, described.scheme("tokens"), {"system": other})
    with pytest.raises(ValueError, match=r"system.server.scores.weight is missing"):
        described.build("closed")


def test_audit_measures_each_device() -> None:
    task, link = alone().build("chain")
    draws = Draws(seed=1)
    payload = payload_of(task, link, 20.0, draws)
    found = dict(reports(link, payload, 20.0, draws, 100))
    assert list(found) == [f", device {number}" for number in (1, 2, 3)]
    assert all(report.ok for report in found.values()), "\n".join(map(str, found.values()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": {"type": "jpeg"}}, "codes images, but the system reads clips"),
        ({"source": {"type": "jpeg"}}, "'jpeg' is none of type clip, but digital links of devices carry the parts"),
        ({"source": None}, "source: None is none of type clip"),
        ({"source": {**SOURCE, "video": {"type": "opus"}}}, "source.clip.video"),
        ({"source": {**SOURCE, "audio": None}}, "source.clip.audio"),
        ({"link": {**BLOCK, "num_channel_uses": 900}}, "'digital' is no link of devices with digital links"),
        ({"link": TOKENS}, "'devices' is no link of devices with digital links"),
        ({"link": {**DIGITAL, "links": DIGITAL["links"][:2]}}, "a clip has 3 parts: video, audio, text"),
        ({"link": {**DIGITAL, "links": [BLOCK, *DIGITAL["links"][1:]]}}, "link.links.0.num_channel_uses: None is miss"),
        ({"link": {**DIGITAL, "num_tokens": [1, 1]}}, "digital links carry no tokens"),
        ({"link": {**DIGITAL, "weights": "shipped"}}, "digital links have none"),
        ({"link": {**DIGITAL, "links": [{**DIGITAL["links"][0], "crc": None}] * 3}}, "delivers nothing"),
        ({"link": {**DIGITAL, "links": [REALS, *DIGITAL["links"][1:]]}}, "all are digital, or none"),
        ({"system": {**SYSTEM, "off": ["audio"]}}, "leaves a device out, but all send: video, audio, text"),
        ({"system": {**SYSTEM, "devices": ["video", "text"]}}, "system.devices"),
        ({"system": {"type": "taichi", "preset": "tiny"}}, "answers about no clips"),
        ({"on_failure": "fallback"}, "a device whose block fails delivers nothing"),
        ({"trained_over": DIGITAL}, "carries no tokens, which the system was trained to send"),
        ({"trained_over": {**TOKENS, "num_tokens": [8, 8], "links": [{**REALS, "codec": "dense"}] * 3}},
         "has another link, so that of this scheme would stay untrained"),
        ({"type": "digital", "training": None, "trained_over": None, "system": None}, "scheme of type token"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    given = {name: value for name, value in changes.items() if value is not None or name == "source"}
    dropped = {name for name, value in changes.items() if value is None and name != "source"}
    scheme = {name: value for name, value in {**CHAIN, **given}.items() if name not in dropped}
    described = {**scenario().model_dump(), "schemes": [scheme, SENDER]}
    with pytest.raises(ValueError, match=message):
        Scenario.model_validate(described)


def test_tokens_of_devices_need_no_source_and_no_other_link() -> None:
    for changes, message in (
        ({"source": SOURCE}, "no link of devices with digital links"),
        ({"source": {"type": "jpeg"}}, "carries tokens or images without one"),
        ({"trained_over": TOKENS}, "trained_over: 'devices' is given, but the source is none of type clip"),
    ):
        with pytest.raises(ValueError, match=message):
            scenario({**SENDER, **changes})


def test_a_task_about_something_else_is_named() -> None:
    pictures = {"type": "vqa", "data": {"type": "clevr_synth", "num_images": 1, "questions_per_image": 1}}
    described = Scenario.model_validate({**alone().model_dump(), "task": pictures})
    with pytest.raises(ValueError, match=r"'clip' needs samples with video, audio and question; these have \['image'"):
        described.build("chain")
