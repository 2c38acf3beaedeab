"""AMR-WB: what every audio codec keeps, its nine modes, and what is said where the libraries are missing."""

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest

from tokencom.linklevel import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links import SourceLink
from tokencom.linklevel.sources import AMRWB, amr_wb

from .sounds import sound

OCTETS = (17, 23, 32, 36, 40, 46, 50, 58, 60)
"""Of a frame in each mode (RFC 4867, table 1)."""


@pytest.fixture
def installed() -> None:
    try:
        amr_wb.libraries()
    except ValueError as error:
        pytest.skip(str(error))


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def missing(name: str) -> ctypes.CDLL:
        raise OSError(name)

    amr_wb.libraries.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", missing)
    monkeypatch.setattr(amr_wb, "find_library", lambda name: None)
    yield
    amr_wb.libraries.cache_clear()


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two sounds."""
    return float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("sampling_rate", AMRWB.sampling_rates)
@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.5, 1.234])
def test_round_trip_has_the_same_length(sampling_rate: int, seconds: float) -> None:
    codec, audio = AMRWB(sampling_rate=sampling_rate), sound(seconds, sampling_rate)
    decoded = codec.decode(codec.encode(audio))
    assert not decoded.damaged
    assert not decoded.fallback
    assert decoded.item.shape == audio.shape
    assert decoded.item.dtype == np.float32
    assert np.abs(decoded.item).max(initial=0.0) <= 1


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("sampling_rate", AMRWB.sampling_rates)
def test_sound_arrives_in_place_and_better_with_more_bits(sampling_rate: int) -> None:
    audio, scores = sound(1.2, sampling_rate), []
    for rate in (6.6, 12.65, 23.85):
        codec = AMRWB(sampling_rate=sampling_rate, bit_rate=rate)
        rebuilt = codec.decode(codec.encode(audio)).item
        scores.append(likeness(audio, rebuilt))
        lags = {lag: float(np.dot(audio[200:-200], np.roll(rebuilt, lag)[200:-200])) for lag in range(-20, 21)}
        assert abs(max(lags, key=lambda lag: lags[lag])) <= 1
    assert 0.85 < scores[0] < scores[1] < scores[2]
    assert scores[2] > 0.97


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("bit_rate", "octets"), zip(AMRWB.all_bit_rates, OCTETS, strict=True))
def test_frames_have_the_octets_of_their_mode(bit_rate: float, octets: int) -> None:
    codec, audio = AMRWB(sampling_rate=16_000, bit_rate=bit_rate), sound(0.3)
    assert codec.packet_bytes(bit_rate) == octets
    assert codec.num_packets(len(audio)) == 16  # 300 ms and 5.9 ms of lag, in frames of 20 ms
    assert len(codec.encode(audio)) == codec.smallest(audio) == 3 + 16 * octets


@pytest.mark.usefixtures("installed")
def test_files_fit_the_budget_and_a_budget_too_small_is_refused() -> None:
    codec, audio = AMRWB(sampling_rate=16_000), sound(0.4)
    smallest, sizes = codec.smallest(audio), []
    for budget in np.linspace(smallest, 1400, 6).astype(int).tolist():
        sizes.append(len(codec.encode(audio, budget)))
        assert sizes[-1] <= budget
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] == len(codec.encode(audio))
    with pytest.raises(ValueError, match=rf"max_bytes: {smallest - 1} .*amr_wb.* {smallest} bytes"):
        codec.encode(audio, smallest - 1)


@pytest.mark.usefixtures("installed")
def test_rates_that_there_are_not_are_refused() -> None:
    with pytest.raises(ValueError, match="sampling_rate: 44100"):
        AMRWB(sampling_rate=44_100)
    with pytest.raises(ValueError, match="bit_rate: 7"):
        AMRWB(sampling_rate=16_000, bit_rate=7)


@pytest.mark.usefixtures("nowhere")
def test_without_the_libraries_it_says_what_to_install() -> None:
    with pytest.raises(ValueError, match=r"vo-amrwbenc.*libvo-amrwbenc0 libopencore-amrwb0.*'opus'"):
        AMRWB(sampling_rate=16_000)


@pytest.mark.usefixtures("installed")
def test_random_flips_and_cuts_never_raise() -> None:
    """200 cases at bit error rates from 1e-4 to 1e-1, every third cut short."""
    codec, rng = AMRWB(sampling_rate=16_000), np.random.default_rng(3)
    data = np.frombuffer(codec.encode(sound(0.4), 700), dtype=np.uint8)
    intact, same, damaged = codec.decode(data.tobytes()).item, 0, 0
    for case in range(200):
        flips = rng.random(8 * data.size) < 10 ** rng.uniform(-4, -1)
        altered = (data ^ np.packbits(flips)).tobytes()
        decoded = codec.decode(altered[: int(len(altered) * rng.random())] if case % 3 == 0 else altered)
        assert decoded.item.dtype == np.float32
        assert np.abs(decoded.item).max(initial=0.0) <= 1
        same += np.array_equal(decoded.item, intact)
        damaged += decoded.damaged
    assert same > 0
    assert damaged >= 60


@pytest.mark.usefixtures("installed")
def test_it_crosses_a_source_link_within_a_budget() -> None:
    codec, audio = AMRWB(sampling_rate=16_000), sound(0.5)
    link = SourceLink(
        air=FlatAirInterface(channel="awgn"), source=codec, mcs=[(0.5, 4)], num_channel_uses=2400, code="ldpc5g"
    )
    good = link([audio], 20.0, Draws(seed=1))
    assert bool(good.ok.all())
    assert np.array_equal(good.payload[0], codec.decode(codec.encode(audio, link.modes[0].num_bytes)).item)
    assert not bool(link([audio], -20.0, Draws(seed=1)).ok.any())
