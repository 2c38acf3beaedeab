"""Channel models: gain, prefix consistency, antennas, errors."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import j0
from scipy.stats import norm

from tokencom.linklevel.air import (
    CDLChannel,
    OFDMAirInterface,
    RMaChannel,
    TDLChannel,
    UMaChannel,
    UMiChannel,
)
from tokencom.linklevel.air.cache import digest, recall
from tokencom.linklevel.air.gain import gain_db, gain_key
from tokencom.linklevel.air.gain_table import GAINS
from tokencom.linklevel.draws import Draws

FC = 3.5e9
TDLS = [TDLChannel(model=m, delay_spread=300e-9, carrier_frequency=FC, speed=10.0) for m in "ABCDE"]
CDLS = [CDLChannel(model=m, delay_spread=300e-9, carrier_frequency=FC) for m in "ABCDE"]
SCENARIOS = [kind(carrier_frequency=FC) for kind in (UMiChannel, UMaChannel, RMaChannel)]


def label(value):
    return "-".join([value.name, *([value.model] if value.name in ("tdl", "cdl") else [])])


def make(channel, **options):
    grid = {"fft_size": 24, "num_ofdm_symbols": 2, "pilot_ofdm_symbol_indices": (0,)}
    return OFDMAirInterface(**{"channel": channel, **grid, **options})


@pytest.mark.parametrize(
    ("channel", "antennas"),
    [(c, 2) for c in TDLS + CDLS + SCENARIOS] + [(c, 1) for c in (CDLS[0], SCENARIOS[0])],
    ids=lambda v: label(v) if hasattr(v, "name") else str(v),
)
def test_mean_gain_is_one(channel, antennas):
    air = make(channel, num_streams=antennas, num_rx_ant=antennas)
    energy = air.fade(1024, 1, Draws(seed=11)).abs().square().double().flatten(1).mean(1)
    bound = norm.isf(0.5e-5) * float(energy.std()) * math.hypot(len(energy) ** -0.5, 20480**-0.5)
    assert abs(float(energy.mean()) - 1.0) < bound


@pytest.mark.parametrize("channel", CDLS[:1] + SCENARIOS[:1], ids=label)
def test_gain_is_the_same_in_both_directions(channel):
    up = replace(channel, direction="uplink")
    assert gain_key(up, 1, 2)[-1] == gain_key(channel, 2, 1)[-1]
    assert gain_key(up, 3, 4)[-1] == gain_key(channel, 2, 1)[-1]
    air = make(up, num_rx_ant=1)
    energy = air.fade(1024, 1, Draws(seed=12)).abs().square().double().flatten(1).mean(1)
    assert abs(float(energy.mean()) - 1.0) < norm.isf(0.5e-4) * float(energy.std()) * 1024**-0.5


def test_spatial_channels_need_their_constant():
    assert make(CDLS[0]).gain_db > 5.0
    assert make(SCENARIOS[0]).gain_db > 2.0
    omni = UMiChannel(carrier_frequency=FC, bs_pattern="omni", polarization="single")
    with Draws(seed=10).sionna("fade"):
        a, _ = omni.sampler(1, 1, "cpu")(1024, 1, 1.0)
    assert -3.1 < 10 * math.log10(float(a.abs().square().sum(3).mean())) < -2.1


def test_constants_of_the_table_are_what_is_estimated(monkeypatch):
    from tokencom.linklevel.air import gain

    channel = TDLS[0]
    listed = gain_db(channel, 2, 3)
    assert listed == GAINS[digest(gain_key(channel, 1, 1)[-1])]
    monkeypatch.setattr(gain, "GAINS", {})
    assert gain_db(channel, 1, 1) == listed
    assert abs(listed) < 0.02


@pytest.mark.verify
@pytest.mark.parametrize("channel", CDLS + SCENARIOS, ids=label)
def test_every_constant_of_the_table_is_what_is_estimated(monkeypatch, channel):
    from tokencom.linklevel.air import gain

    listed = gain_db(channel, 2, 2)
    monkeypatch.setattr(gain, "GAINS", {})
    assert gain_db(channel, 2, 2) == listed


@pytest.mark.parametrize("channel", [*TDLS[:1], TDLS[3], CDLS[4], SCENARIOS[0]], ids=label)
@pytest.mark.parametrize("slots", ["continuous", "independent"])
def test_first_grids_fade_alike_however_many_follow(channel, slots):
    air = make(replace(channel, speed=30.0), slots=slots, num_rx_ant=2)
    h = [air.fade(4, n, Draws(seed=13)) for n in (1, 2, 5)]
    torch.testing.assert_close(h[2][:, :1], h[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(h[2][:, :2], h[1], rtol=1e-4, atol=1e-4)
    jump = (h[2][:, 1, ..., 0, :] - h[2][:, 0, ..., -1, :]).abs().square().mean()
    assert (float(jump) < 0.05) == (slots == "continuous")


def test_a_channel_at_rest_stands_still():
    for channel in (CDLS[0], SCENARIOS[2]):
        h = make(channel).fade(3, 3, Draws(seed=14))
        assert torch.equal(h, h[:, :1, ..., :1, :].expand_as(h))


def test_speed_decorrelates_as_jakes_says():
    channel = TDLChannel(model="B", delay_spread=100e-9, carrier_frequency=FC, speed=100.0)
    h = make(channel, num_ofdm_symbols=14).fade(4000, 1, Draws(seed=15))[:, 0, 0, 0, :, 5]
    correlation = (h * h[:, :1].conj()).mean(0)
    lag = np.arange(14) / 30e3
    want = j0(2 * np.pi * channel.max_doppler * lag)
    assert np.abs(correlation.numpy() - want).max() < 4 * 4000**-0.5


@pytest.mark.parametrize("channel", [*CDLS[:1], SCENARIOS[1]], ids=label)
def test_arrays_have_one_antenna_per_stream(channel):
    for tx, rx in ((1, 3), (2, 4), (4, 4)):
        a, tau = channel.sampler(tx, rx, "cpu")(2, 1, 1.0)
        assert a.shape[:3] == (2, rx, tx)
        assert tau.shape == (2, a.shape[3])
    assert channel.is_dual(4)
    assert not channel.is_dual(3)


def test_longest_delay_is_known():
    assert TDLS[0].max_delay == pytest.approx(9.6586 * 300e-9, rel=1e-4)
    assert CDLS[0].max_delay == pytest.approx(9.6586 * 300e-9, rel=1e-4)


def test_statistics_are_computed_once(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    key, calls = {"quantity": "test", "value": 1.0}, []

    def compute():
        calls.append(1)
        return [1.25, [2.0]]

    assert recall(key, compute) == recall(key, compute) == [1.25, [2.0]]
    assert len(calls) == 1
    (path,) = tmp_path.rglob("*.json")
    assert not list(tmp_path.rglob("*.tmp"))
    path.write_text(path.read_text()[:-5])
    assert recall(key, compute) == [1.25, [2.0]]
    path.write_text(json.dumps({"key": {"quantity": "other"}, "value": 3}))
    assert recall(key, compute) == [1.25, [2.0]]
    assert len(calls) == 3


def test_folder_that_cannot_be_written_is_told(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="cannot be kept"):
        assert recall({"quantity": "test"}, lambda: 2) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "F"}, "model: 'F' is not known; allowed: 'A', 'B'"),
        ({"delay_spread": 300}, "delay_spread: 300 is outside the allowed range"),
        ({"carrier_frequency": 3.5}, "carrier_frequency: 3.5 is outside the allowed range"),
        ({"direction": "downlnk"}, "did you mean 'downlink'"),
        ({"speed": -1.0}, "speed: -1.0 is outside"),
        ({"bs_pattern": "iso"}, "bs_pattern: 'iso' is not known"),
        ({"polarization": "dual"}, "polarization: 'dual' given for 1 antennas"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make(CDLChannel(**{"model": "A", "delay_spread": 1e-7, "carrier_frequency": FC, **settings}))


def test_rural_scenario_ends_at_7_ghz():
    with pytest.raises(ValueError, match=r"carrier_frequency: 28000000000\.0 is outside"):
        RMaChannel(carrier_frequency=28e9)


def test_name_in_place_of_a_channel_is_refused():
    with pytest.raises(TypeError, match="channel: 'tdl' is not a channel model"):
        make("tdl")
