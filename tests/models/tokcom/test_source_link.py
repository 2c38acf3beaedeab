import itertools
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import AnalogLink, DigitalLink, JSCCLink, SourceLink
from tokencom.linklevel.multiuser import DevicesLink, MultiUserLink, OrthogonalAccess, audit_devices
from tokencom.linklevel.sources import JPEG, UTF8, Frames, Opus
from tokencom.linklevel.tokens import Tokens
from tokencom.models.systems import TokenMemory
from tokencom.models.tokcom import SourceDevicesLink, TokCom

sys.path.insert(0, str(Path(__file__).parent))
from small_tokcom import AUDIO, SAMPLES, SMALL, VIDEO, small

pytest.importorskip("av", reason="extra 'data' is not installed")

BUDGETS = (700, 6200, 320)
KEYS = {"video": "video", "audio": "audio", "text": "question"}
LOST = [set(names) for count in range(4) for names in itertools.combinations(KEYS, count)]


def codecs():
    return [Frames(JPEG(shape=(128, 16, 3), abbreviated=True), 8), Opus(sampling_rate=8000), UTF8()]


def chain(air, source, budget, **options):
    return SourceLink(air=air, source=source, mcs=[(0.5, 4)], num_channel_uses=budget, **options)


def chains(channel="awgn", **options):
    air = FlatAirInterface(channel=channel)
    links = [chain(air, source, budget, **options) for source, budget in zip(codecs(), BUDGETS, strict=True)]
    return MultiUserLink(links, OrthogonalAccess(air, 3, shares="payload"))


def built(system=None, channel="awgn", **options):
    return SourceDevicesLink(system or small(), chains(channel), memory=TokenMemory(), **options)


def codec_link():
    """A link for tokens whose codecs change them."""
    air = FlatAirInterface()
    links = [JSCCLink(air, DenseCodec(dim=16, symbols_per_token=4, seed=m), length="known") for m in range(2)]
    links.append(JSCCLink(air, DenseCodec(dim=16, symbols_per_token=4, seed=2)))
    return DevicesLink(links, OrthogonalAccess(air, 3), num_tokens=[5, 4]).eval()


def decoded(samples, lost=()):
    """Return samples with what the source decoders make of them, without what is lost."""
    found = []
    for sample in samples:
        made = {}
        for (name, key), budget, source in zip(KEYS.items(), BUDGETS, codecs(), strict=True):
            if name not in lost:
                room = chain(FlatAirInterface(), source, budget).modes[0].num_bytes
                made[key] = source.decode(source.encode(sample.inputs[key], room)).item
        found.append(replace(sample, inputs=made, extra={}))
    return found


def lose(link, lost, to=torch.zeros_like):
    """Let the receiver hear nothing of some devices."""
    access = link.link.access
    transmit = access.transmit

    def deaf(*args):
        heard = transmit(*args)
        return [
            replace(one, symbols=to(one.symbols)) if name in lost else one
            for name, one in zip(KEYS, heard, strict=True)
        ]

    access.transmit = deaf
    return link


@pytest.mark.parametrize("lost", LOST, ids=lambda names: " ".join(sorted(names)) or "none")
def test_a_device_that_delivers_nothing_is_as_one_that_is_off(lost):
    link = lose(built(), lost)
    reception = link(SAMPLES[:4], 40.0, Draws(seed=1))
    assert reception.ok.tolist() == [not lost] * 4
    if lost == set(KEYS):
        nothing = Tokens(torch.zeros(4, 0, 16))
        assert reception.payload == link.system.answer(nothing, SAMPLES[:4]) == link.blind(SAMPLES[:4])
        return
    off = TokCom(SMALL, off=tuple(lost)).eval()
    samples = decoded(SAMPLES[:4], lost)
    assert reception.payload == off.answer(off.encode(samples), samples)


def test_items_of_a_batch_lose_different_devices():
    """Each device has a fade of its own in each item; the draws are fixed."""
    link = built(channel="rayleigh")
    draws, seen = Draws(seed=3), set()
    arrived = link.link(link.split(SAMPLES), 9.0, draws).payloads
    expected = []
    for row, sample in enumerate(SAMPLES):
        lost = {name for name, part in zip(KEYS, arrived, strict=True) if part.damaged[row]}
        seen.add(len(lost))
        one = lose(built(link.system), lost)
        expected += one([sample], 40.0, Draws(seed=1)).payload
    assert len(seen) > 1
    assert link(SAMPLES, 9.0, draws).payload == expected


@pytest.mark.parametrize(
    "lost", [set(), {"audio"}, {"text"}, set(KEYS)], ids=lambda names: " ".join(sorted(names)) or "none"
)
def test_codecs_that_the_system_was_trained_with_are_at_the_receiver(lost):
    over = codec_link()
    link = lose(built(trained_over=over), lost)
    whole = link.system
    answers = link(SAMPLES[:4], 40.0, Draws(seed=1)).payload
    samples = decoded(SAMPLES[:4], lost)
    with torch.no_grad():
        if lost == set(KEYS):
            sent = Tokens(torch.zeros(4, 9, 16), torch.zeros(4, 9, dtype=torch.bool))
        else:
            sent = whole.without(*lost).encode(samples)
        assert answers == whole.answer(over.clean(sent, 40.0), samples)
    if not lost:
        assert answers != built(whole)(SAMPLES[:4], 40.0, Draws(seed=1)).payload
        assert answers == link.clean(SAMPLES[:4], 0.0)


@pytest.mark.parametrize("to", [torch.zeros_like, lambda x: torch.full_like(x, 0.3 + 0.2j)], ids=["silence", "tone"])
def test_nothing_shows_without_the_air(to):
    link = lose(built(trained_over=codec_link()), set(KEYS), to)
    one, two = (link(samples, 30.0, Draws(seed=3)) for samples in (SAMPLES[:4], SAMPLES[5:]))
    assert one.payload == two.payload
    assert len(set(one.payload)) == 1
    assert torch.equal(one.ok, two.ok)
    heard = built(trained_over=codec_link())
    assert len(set(heard(SAMPLES, 30.0, Draws(seed=3)).payload)) > 1


def test_nothing_is_taken_from_what_a_device_has_but_did_not_deliver():
    link = lose(built(), {"audio", "text"})
    other = [
        replace(sample, inputs={**sample.inputs, "audio": -sample.inputs["audio"], "question": "What ?"}, references=())
        for sample in SAMPLES
    ]
    assert link(other, 40.0, Draws(seed=1)).payload == link(SAMPLES, 40.0, Draws(seed=1)).payload


def test_symbols_behind_each_other_give_the_same_answers():
    link = built()
    signal = link.encode(SAMPLES[:3], torch.full((3,), 40.0))
    assert signal.num_symbols.tolist() == [sum(BUDGETS)] * 3
    received = link.air(signal.symbols, torch.full((3,), 1e-4), Draws(seed=1), num_symbols=signal.num_symbols)
    answers, ok = link.decode(received)
    assert bool(ok.all())
    assert answers == link(SAMPLES[:3], 40.0, Draws(seed=1)).payload == link.clean(SAMPLES[:3], 40.0)
    other = link.through(FlatAirInterface(channel="rayleigh"))
    assert other.link.air is other.air
    assert other.air is not link.air
    assert link.has_verdict


def test_every_use_is_counted_and_every_device_keeps_the_contract():
    link = built()
    uses = link(SAMPLES[:2], 20.0, Draws(seed=1)).channel_uses
    assert uses.total.tolist() == uses.airtime.tolist() == [sum(BUDGETS)] * 2
    assert 0 < int(uses.side_information[0]) < 150
    reports = audit_devices(link.link, link.split(SAMPLES), 20.0, Draws(seed=2), 100)
    assert [report.ok for report in reports] == [True] * 3, "\n".join(map(str, reports))


def test_a_view_without_devices_has_the_same_parameters():
    system = small()
    view = system.without("audio")
    assert view.off == ("audio",)
    assert system.off == ()
    assert [id(p) for p in view.parameters()] == [id(p) for p in system.parameters()]
    assert view.without("audio", "video").off == ("audio", "video")
    assert view.encoder_id() != system.encoder_id()
    assert view.layout == system.layout
    with pytest.raises(ValueError, match="one at least must be on"):
        view.without("video", "text")
    with pytest.raises(ValueError, match="did you mean 'audio'"):
        system.without("audo")
    with pytest.raises(ValueError, match="keep_places: False given"):
        small(off=("audio",)).without("video")


def test_bad_input():
    air = FlatAirInterface()
    link = chains()
    mute = replace(SAMPLES[0], inputs={name: SAMPLES[0].inputs[name] for name in ("video", "question")})
    with pytest.raises(ValueError, match="has no 'audio', which device 'audio' sends; it has question, video"):
        built()([mute], 10.0, Draws(seed=1))
    with pytest.raises(TypeError, match="a TokCom is needed"):
        SourceDevicesLink(torch.nn.Identity(), link)
    with pytest.raises(TypeError, match="a MultiUserLink is needed"):
        SourceDevicesLink(small(), link.devices[0])
    with pytest.raises(ValueError, match="none may be off"):
        SourceDevicesLink(small(off=("audio",)), link)
    with pytest.raises(ValueError, match="none has text"):
        SourceDevicesLink(small(devices=(VIDEO, AUDIO)), link)
    with pytest.raises(ValueError, match="link: 2 devices given; one for each of video, audio, text"):
        SourceDevicesLink(small(), MultiUserLink(link.devices[:2], OrthogonalAccess(link.air, 2)))
    for other in (AnalogLink(air, 16), DigitalLink(air=air, code="conv", num_bits_per_symbol=2, coderate=0.5)):
        with pytest.raises(TypeError, match=r"link.links\[0\]: .* a SourceLink is needed"):
            SourceDevicesLink(small(), MultiUserLink([other] * 3, OrthogonalAccess(air, 3)))
    with pytest.raises(ValueError, match="has no CRC"):
        SourceDevicesLink(small(), chains(crc=None))
    narrow = MultiUserLink([chain(air, source, 700) for source in codecs()], OrthogonalAccess(air, 3))
    with pytest.raises(ValueError, match=r"at least \d+ are needed for the smallest opus file"):
        SourceDevicesLink(small(), narrow)(SAMPLES[:1], 9.0, Draws(seed=1))
