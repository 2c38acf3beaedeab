import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links import AnalogLink
from tokencom.linklevel.multiuser import DevicesLink, UplinkMIMO
from tokencom.linklevel.tokens import Tokens
from tokencom.models.systems import LinkTraining, SystemLink
from tokencom.models.systems.state import copy_state, state_of
from tokencom.models.tokcom import TokCom
from tokencom.models.tokcom.captions import clip_caption
from tokencom.models.training import Stage, train
from tokencom.scenarios.datasets.base import ListDataset

sys.path.insert(0, str(Path(__file__).parent))
from small_tokcom import AUDIO, DATA, SAMPLES, SMALL, VIDEO, small


def written_out(system, tokens, sample, limit=4):
    """Return the answer of eq 12: one sequence of vectors, in the published order, without masks, cache or padding."""
    v, a = 5, 9
    server = system.server
    parts = {"video": tokens.values[:, :v], "audio": tokens.values[:, v:a], "text": tokens.values[:, a:]}
    heads = [server.heads[name].layers(part) for name, part in parts.items()]
    ids = system.texts.ids("<output>")
    for _ in range(limit):
        row = torch.cat([*heads, server.language.embed(torch.tensor([ids]))], 1)
        seen = torch.ones(row.shape[1], row.shape[1]).bool().tril()
        seen[:a, :a] = True
        model = server.language.model.model
        hidden = model(inputs_embeds=row, attention_mask=seen[None, None]).last_hidden_state
        ids.append(int(server.language.logits(hidden[0, -1]).argmax()))
    return system.texts.text(ids[1:])


def test_answers_are_those_of_the_written_out_sequence():
    system = small()
    answers = set()
    for sample in SAMPLES[:4]:
        tokens = system.encode([sample])
        assert tokens.values.shape[1] == 5 + 4 + len(system.texts.ids(sample.inputs["question"]))
        with torch.no_grad():
            expected = written_out(system, tokens, sample)
        assert system.answer(tokens, [sample]) == [expected]
        answers.add(expected)
    assert len(answers) > 1


def test_answers_do_not_depend_on_the_other_items_of_a_batch():
    system = small()
    together = system.answer(system.encode(SAMPLES), SAMPLES)
    assert together == [system.answer(system.encode([sample]), [sample])[0] for sample in SAMPLES]
    assert len(set(together)) > 1


@pytest.mark.parametrize("changes", [{}, {"marks": True}, {"devices": (VIDEO, AUDIO)}, {"devices": (AUDIO,)}])
def test_grouped_loss_is_the_mean_of_single_ones(changes):
    system = small(**changes)
    with torch.no_grad():
        batch = system.collate(SAMPLES)
        tokens = system.tokens(batch)
        assert len(tokens) == 3
        grouped = system.loss(tokens, batch)
        single = []
        for sample in SAMPLES:
            batch = system.collate([sample])
            single.append(system.loss(system.tokens(batch), batch))
    torch.testing.assert_close(grouped, torch.stack(single).mean(), atol=1e-5, rtol=0)
    assert torch.stack(single).std() > 0


def test_the_question_is_taken_from_the_air():
    system = small()
    tokens = system.encode(SAMPLES)
    nobody = [replace(sample, inputs={}, references=("",)) for sample in SAMPLES]
    assert system.answer(tokens, nobody) == system.answer(tokens, SAMPLES)
    lost = Tokens(torch.zeros(9, 0, 16))
    assert len(set(system.answer(lost, SAMPLES))) == 1


def test_marks_change_what_is_read_but_not_what_is_sent():
    plain, marked = small(), small(marks=True)
    assert torch.equal(plain.encode(SAMPLES).values, marked.encode(SAMPLES).values)
    with torch.no_grad():
        marked.server.marks["audio"].add_(3.0)
    batch = plain.collate(SAMPLES)
    assert not torch.isclose(plain.loss(plain.tokens(batch), batch), marked.loss(marked.tokens(batch), batch))


@pytest.mark.parametrize("off", [("audio",), ("video",), ("text",), ("audio", "video"), ("video", "text")])
@pytest.mark.parametrize("changes", [{}, {"marks": True}])
def test_a_device_that_is_off_never_crashes(off, changes):
    system, whole = small(off=off, **changes), small(**changes)
    assert system.configuration() == whole.configuration()
    copy_state({"system": whole}, {"system": system})
    tokens = system.encode(SAMPLES)
    parts = dict(zip(whole.layout.names, whole.layout.split(whole.encode(SAMPLES)), strict=True))
    kept = [parts[name] for name in whole.layout.names if name not in off]
    assert torch.equal(tokens.values, torch.cat([part.values for part in kept], 1))
    # The same answers as from the whole system whose link lost those tokens.
    lost = [
        Tokens(part.values, part.mask & False) if name in off else part for name, part in parts.items()
    ]  # fmt: skip
    answers = whole.answer(whole.layout.joined(lost), SAMPLES)
    assert system.answer(tokens, SAMPLES) == answers
    placed = TokCom(system.config, off=off, keep_places=True).eval()
    assert placed.layout == whole.layout
    masked = placed.encode(SAMPLES)
    assert placed.answer(masked, SAMPLES) == answers
    assert masked.num_tokens.tolist() == tokens.num_tokens.tolist()
    batch = system.collate(SAMPLES)
    assert torch.isfinite(system.loss(system.tokens(batch), batch))


def test_values_of_lost_tokens_play_no_part():
    system = small()
    tokens = system.encode(SAMPLES)
    mask = tokens.mask.clone()
    mask[:, [1, 6, 10]] = False
    wild = torch.where(mask[..., None], tokens.values, torch.full_like(tokens.values, 50.0))
    assert system.answer(Tokens(tokens.values, mask), SAMPLES) == system.answer(Tokens(wild, mask), SAMPLES)


def test_discriminative_head_answers_from_its_list():
    listed = ("yes", "no", "2", "3", "tone")
    system = small(head="discriminative", answers=listed)
    assert set(system.answer(system.encode(SAMPLES), SAMPLES)) <= set(listed)
    batch = system.collate([replace(sample, references=("yes",)) for sample in SAMPLES])
    parameters = list(system.server.scores.parameters())
    loss = system.loss(system.tokens(batch), batch)
    assert [g.abs().sum() > 0 for g in torch.autograd.grad(loss, parameters)] == [True, True]
    assert batch["label"].tolist() == [0] * 9


def test_alignment_sends_descriptions():
    system = small(objective="alignment")
    batch = system.collate(SAMPLES)
    assert batch["words"].shape[0] == 3
    said = [clip_caption(SAMPLES[n].extra["graph"]) for n in (0, 3, 6)]
    assert [system.texts.text(row.tolist()) for row in batch["words"]] == said
    for sentence in said:
        assert system.texts.tokenizer.unknown not in system.texts.ids(sentence)
    tokens = system.tokens(batch)
    loss = system.loss(tokens, batch)
    terms = system.auxiliary(batch, ["contrastive", "reconstruction"])
    torch.testing.assert_close(loss, terms["reconstruction"] + terms["contrastive"])
    with pytest.raises(ValueError, match="answers no questions"):
        system.answer(tokens, SAMPLES)


def test_each_loss_trains_what_the_paper_says():
    system = small()
    batch = system.collate(SAMPLES)

    def reached(name):
        system.zero_grad()
        system.auxiliary(batch, [name])[name].backward()
        names = {n for n, p in system.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        return {".".join(n.split(".")[:3]) for n in names}

    assert reached("reconstruction") == {"server.heads.text", "server.language.model"}  # the embedding, if not frozen
    contrastive = reached("contrastive")
    assert {"server.heads.video", "server.heads.audio", "devices.video.projector"} <= contrastive
    assert "server.heads.text" not in contrastive
    assert reached("reading") == {"server.language.model"}
    assert {name.split(".")[0] for name in reached("events")} == {"devices", "pretext"}


def test_frozen_encoders_run_once_a_clip():
    system = small()
    calls = []
    system.devices["video"].encoder.register_forward_hook(lambda *_: calls.append(1))
    with_gradient = system.collate(SAMPLES)
    assert "video_inputs" in with_gradient
    system.devices.requires_grad_(False)
    first, again = system.collate(SAMPLES), system.collate(SAMPLES[:3])
    assert first["video_features"].shape == (3, 5, 16)
    assert len(calls) == 3
    assert torch.equal(first["video_features"][:1], again["video_features"])
    torch.testing.assert_close(system.tokens(first).values, system.tokens(with_gradient).values)
    with torch.no_grad():
        next(system.devices["video"].encoder.parameters()).add_(0.1)
    assert not torch.equal(system.collate(SAMPLES)["video_features"], first["video_features"])


def test_trains_over_a_link_and_its_state_comes_back(tmp_path):
    torch.manual_seed(0)
    system = small()
    model = SystemLink(system, AnalogLink(FlatAirInterface(channel="awgn"), 16, length="known"))
    data = ListDataset(name="clips", samples=SAMPLES)
    stages = [
        Stage(name="events", trainable=("system.devices.*.encoder", "system.pretext"), steps=2, batch_size=3,
              losses={"events": 1.0}),
        Stage(name="answers", trainable=("system.devices.*.projector", "system.server"), steps=12, batch_size=3,
              learning_rate=1e-2, losses={"task": 1.0}, snr_db=(10.0, 20.0)),
    ]  # fmt: skip
    done = train(LinkTraining(model, data, group=3), stages, seed=1, folder=tmp_path, data={}, system={})
    assert done is not None
    batch = system.collate(SAMPLES)
    fresh = small()
    before = fresh.loss(fresh.tokens(batch), batch)
    with torch.no_grad():
        after = system.loss(system.tokens(system.collate(SAMPLES)), batch)
    assert after < 0.6 * before
    copy_state({"system": system}, {"system": fresh})
    assert fresh.encoder_id() == system.encoder_id()
    assert fresh.answer(fresh.encode(SAMPLES), SAMPLES) == system.answer(system.encode(SAMPLES), SAMPLES)
    assert {name.split(".")[1] for name in state_of({"system": system})} == {"devices", "server", "pretext"}


def test_answers_cross_any_link():
    system = small()
    model = SystemLink(system, AnalogLink(FlatAirInterface(channel="awgn"), 16))
    reception = model(SAMPLES, 60.0, Draws(seed=1))
    assert reception.payload == system.answer(system.encode(SAMPLES), SAMPLES)
    assert len(set(model.blind(SAMPLES))) >= 1


def test_keys_tell_what_is_sent():
    system, deaf = small(), small(off=("audio", "text"))
    assert len({system.key(sample) for sample in SAMPLES}) == 9
    assert len({deaf.key(sample) for sample in SAMPLES}) == 3
    assert system.encoder_id() != deaf.encoder_id()


def test_resamples_audio_of_another_rate():
    system = TokCom(SMALL, rate=16000)
    sample = SAMPLES[0]
    wave = np.interp(np.arange(32000) / 2, np.arange(16000), sample.inputs["audio"]).astype(np.float32)
    doubled = system.devices["audio"].encoder.read(wave)
    own = small().devices["audio"].encoder.read(sample.inputs["audio"])
    assert doubled.shape == own.shape == (98, 16)


def with_inputs(**inputs):
    sample = SAMPLES[0]
    kept = {name: value for name, value in {**sample.inputs, **inputs}.items() if value is not None}
    return replace(sample, inputs=kept, extra={})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"audio": None}, "has no 'audio', which device 'audio' needs"),
        ({"question": None}, "has no 'question'"),
        ({"audio": np.zeros(399, np.float32)}, "shorter than the window of 400"),
        ({"audio": np.zeros((2, 800), np.float32)}, "one channel"),
        ({"video": np.zeros((7, 16, 16, 3), np.uint8)}, "7 frames given, shorter than the window of 8"),
        ({"video": np.zeros((8, 16, 16), np.uint8)}, "is needed"),
    ],
)
def test_bad_samples(inputs, message):
    with pytest.raises(ValueError, match=message):
        small().encode([with_inputs(**inputs)])


def test_bad_configurations():
    text = SMALL.devices[-1]
    for changes, message in [
        ({"devices": (text, VIDEO)}, "only the last one may have text"),
        ({"devices": (VIDEO, VIDEO)}, "names must differ"),
        ({"devices": ()}, "at least one"),
        ({"head": "discriminative"}, "needs different ones"),
        ({"devices": (VIDEO,), "objective": "alignment"}, "needs a device with text"),
        ({"devices": (replace(VIDEO, num_tokens=99),)}, "at most"),
    ]:
        with pytest.raises(ValueError, match=message):
            small(**changes).encode(SAMPLES[:1])
    with pytest.raises(ValueError, match="did you mean 'video'"):
        small(off=("vdeo",))
    with pytest.raises(ValueError, match="one at least must be on"):
        small(off=("video", "audio", "text"))
    system = small()
    parts = system.layout.split(system.encode(SAMPLES))
    with pytest.raises(ValueError, match="parts: 2 given; one for each"):
        system.layout.joined(parts[:2])
    bare = replace(SAMPLES[0], extra={})
    with pytest.raises(ValueError, match="needs a description"):
        small(objective="alignment").collate([bare])
    batch = system.collate([bare])
    with pytest.raises(ValueError, match="'reading' needs samples"):
        system.auxiliary(batch, ["reading"])


def test_every_word_of_the_data_is_known():
    system = small()
    for number in range(len(DATA)):
        sample = DATA[number]
        for text in (sample.inputs["question"], sample.references[0], clip_caption(sample.extra["graph"])):
            assert system.texts.tokenizer.unknown not in system.texts.ids(text)
        assert system.texts.text(system.texts.ids(sample.references[0])) == sample.references[0]


def test_devices_share_an_uplink():
    system, deaf = small(), TokCom(SMALL, off=("audio",), keep_places=True).eval()
    access = UplinkMIMO(FlatAirInterface(channel="rayleigh", num_rx_ant=8), 3)
    links = [AnalogLink(access.air, 16, length="known", padding="any") for _ in range(3)]
    for one in (system, deaf):
        model = SystemLink(one, DevicesLink(links, access, num_tokens=one.layout.counts[:-1]))
        reception = model(SAMPLES, [60.0, 60.0, 60.0], Draws(seed=1))
        assert reception.payload == one.answer(one.encode(SAMPLES), SAMPLES)
