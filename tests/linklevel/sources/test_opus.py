"""Laws that every audio codec keeps; Opus is the one there is."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from tokencom.linklevel import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links import SourceLink
from tokencom.linklevel.sources import Opus

from .sounds import sound

pytest.importorskip("av", reason="extra 'data' is not installed")
RATES = Opus.sampling_rates


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two sounds below 3 kHz at 16 kHz."""
    kept = [np.fft.rfft(x)[: int(len(x) * 3000 / 16_000)] for x in (a, b)]
    return float(np.real(np.vdot(*kept)) / np.sqrt(np.vdot(kept[0], kept[0]).real * np.vdot(kept[1], kept[1]).real))


@pytest.mark.parametrize("sampling_rate", RATES)
@pytest.mark.parametrize("seconds", [0.01, 0.5, 1.234])
def test_round_trip_has_the_same_length(sampling_rate: int, seconds: float) -> None:
    codec, audio = Opus(sampling_rate=sampling_rate), sound(seconds, sampling_rate)
    decoded = codec.decode(codec.encode(audio))
    assert not decoded.damaged
    assert not decoded.fallback
    assert decoded.item.shape == audio.shape
    assert decoded.item.dtype == np.float32
    assert np.abs(decoded.item).max() <= 1


def test_sound_arrives_in_place_and_better_with_more_bits() -> None:
    audio = sound(1.2)
    scores = []
    for rate in (6, 16, 64):
        codec = Opus(sampling_rate=16_000, bit_rate=rate)
        scores.append(likeness(audio, codec.decode(codec.encode(audio)).item))
    assert scores[0] > 0.4
    assert scores[0] < scores[1] < scores[2]
    assert scores[2] > 0.85
    codec = Opus(sampling_rate=16_000, bit_rate=64)
    rebuilt = codec.decode(codec.encode(audio)).item
    lags = {lag: float(np.dot(audio[200:-200], np.roll(rebuilt, lag)[200:-200])) for lag in range(-20, 21)}
    assert abs(max(lags, key=lambda lag: lags[lag])) <= 1


@pytest.mark.parametrize("bit_rate", Opus.all_bit_rates)
def test_the_bit_rate_is_constant_and_overhead_is_three_bytes(bit_rate: float) -> None:
    codec, audio = Opus(sampling_rate=16_000, bit_rate=bit_rate), sound(0.3)
    data = codec.encode(audio)
    assert len(data) == codec.file_bytes(len(audio), bit_rate) == codec.smallest(audio)
    packets = codec.num_packets(len(audio))
    assert packets == 6  # 300 ms and 6.5 ms of lag, in packets of 60 ms
    assert 8 * (len(data) - 3) == packets * 0.06 * 1000 * bit_rate


def test_files_fit_and_quality_never_falls_with_the_budget() -> None:
    codec, audio = Opus(sampling_rate=16_000), sound(0.4)
    sizes = []
    for budget in np.linspace(codec.smallest(audio), 4000, 8).astype(int).tolist():
        data = codec.encode(audio, budget)
        assert len(data) <= budget
        sizes.append(len(data))
    assert sizes == sorted(sizes)
    assert sizes[0] == codec.smallest(audio) < sizes[-1] == len(codec.encode(audio))


def test_too_small_a_budget_names_the_smallest_size() -> None:
    codec, audio = Opus(sampling_rate=16_000), sound(0.4)
    smallest = codec.smallest(audio)
    with pytest.raises(ValueError, match=rf"max_bytes: {smallest - 1} .*opus.* {smallest} bytes"):
        codec.encode(audio, smallest - 1)


def test_what_cannot_be_encoded_is_refused() -> None:
    codec = Opus(sampling_rate=16_000)
    with pytest.raises(TypeError, match="float64"):
        codec.encode(np.zeros(100))
    with pytest.raises(TypeError, match="str"):
        codec.encode("a text")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"shape \(2, 50\)"):
        codec.encode(np.zeros((2, 50), np.float32))
    with pytest.raises(ValueError, match="not finite"):
        codec.encode(np.full(100, np.nan, np.float32))
    with pytest.raises(ValueError, match="sampling_rate: 22050"):
        Opus(sampling_rate=22_050)
    with pytest.raises(ValueError, match="bit_rate: 7"):
        Opus(sampling_rate=16_000, bit_rate=7)


def test_without_pyav_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"PyAV.*tokencom\[data\]"):
        Opus(sampling_rate=16_000)


def test_silence_of_no_length() -> None:
    codec = Opus(sampling_rate=16_000)
    assert codec.fallback().shape == (0,)
    decoded = codec.decode(codec.encode(np.zeros(0, np.float32)))
    assert decoded.item.shape == (0,)
    assert not decoded.damaged


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff" * 500, bytes([250]) + bytes(1000)])
def test_rubbish_gives_the_fallback(data: bytes) -> None:
    decoded = Opus(sampling_rate=16_000).decode(data)
    assert decoded.damaged
    assert decoded.fallback
    assert decoded.item.shape == (0,)


def test_a_lost_packet_is_silence_and_the_rest_is_heard() -> None:
    codec, audio = Opus(sampling_rate=16_000, bit_rate=16), sound(0.9)
    data = bytearray(codec.encode(audio))
    size = codec.packet_bytes(16)
    data[3 + 5 * size : 3 + 6 * size] = b"\xff" * size
    decoded = codec.decode(bytes(data))
    assert decoded.damaged
    assert not decoded.fallback
    assert decoded.item.shape == audio.shape
    assert np.abs(decoded.item[5 * 960 : 6 * 960 - 104]).max() < 0.02
    assert likeness(audio[: 4 * 960], decoded.item[: 4 * 960]) > 0.7


def test_another_bit_rate_than_the_agreed_one_is_damage() -> None:
    data = Opus(sampling_rate=16_000, bit_rate=16).encode(sound(0.2))
    assert Opus(sampling_rate=16_000, bit_rate=6).decode(data).damaged
    assert not Opus(sampling_rate=16_000).decode(data).damaged


def test_many_random_flips_and_cuts_never_raise() -> None:
    """400 cases at bit error rates from 1e-4 to 1e-1, every third cut short."""
    codec, rng = Opus(sampling_rate=16_000), np.random.default_rng(3)
    data = np.frombuffer(codec.encode(sound(0.4), 700), dtype=np.uint8)
    intact, outcomes = codec.decode(data.tobytes()).item, {"fallback": 0, "same": 0, "damaged": 0}
    for case in range(400):
        flips = rng.random(8 * data.size) < 10 ** rng.uniform(-4, -1)
        damaged = (data ^ np.packbits(flips)).tobytes()
        decoded = codec.decode(damaged[: int(len(damaged) * rng.random())] if case % 3 == 0 else damaged)
        assert decoded.item.ndim == 1
        assert decoded.item.dtype == np.float32
        assert np.abs(decoded.item).max(initial=0.0) <= 1
        assert decoded.damaged or not decoded.fallback
        outcomes["fallback"] += decoded.fallback
        outcomes["damaged"] += decoded.damaged
        outcomes["same"] += np.array_equal(decoded.item, intact)
    assert 0 < outcomes["fallback"] < outcomes["damaged"] < 400
    assert 0 < outcomes["same"] < 400


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from sounds import sound
from tokencom.linklevel.sources import Opus
for rate in (6, 24):
    print(hashlib.sha256(Opus(sampling_rate=16_000, bit_rate=rate).encode(sound(0.6))).hexdigest())
"""


def test_bytes_repeat_in_another_process() -> None:
    from pathlib import Path

    folder = str(Path(__file__).parent)
    run = subprocess.run([sys.executable, "-c", SCRIPT, folder], capture_output=True, text=True, check=True)
    here = [
        hashlib.sha256(Opus(sampling_rate=16_000, bit_rate=rate).encode(sound(0.6))).hexdigest() for rate in (6, 24)
    ]
    assert run.stdout.split() == here


def test_it_crosses_a_source_link_within_a_budget() -> None:
    codec, audio = Opus(sampling_rate=16_000), sound(0.5)
    link = SourceLink(
        air=FlatAirInterface(channel="awgn"), source=codec, mcs=[(0.5, 4)], num_channel_uses=1800, code="ldpc5g"
    )
    good = link([audio], 20.0, Draws(seed=1))
    assert bool(good.ok.all())
    assert good.channel_uses.total.tolist() == [1800]
    budget = link.modes[0].num_bytes
    assert np.array_equal(good.payload[0], codec.decode(codec.encode(audio, budget)).item)
    poor = link([audio], -20.0, Draws(seed=1))
    assert not bool(poor.ok.any())
    assert poor.payload.damaged.tolist() == [1]
    with pytest.raises(ValueError, match=f"smallest opus file of an item, {codec.smallest(sound(2.0))} bytes"):
        link([sound(2.0)], 20.0, Draws(seed=1))
