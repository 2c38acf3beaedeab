import sys

import numpy as np
import pytest

from tokencom.scenarios.datasets.clips import read_frames, read_sound
from tokencom.scenarios.datasets.stores import Store, UnreadableError


def test_frames_are_spread_over_the_clip(tmp_path, write_video):
    write_video(tmp_path / "a.mp4")
    frames = read_frames(Store(tmp_path), "a.mp4", 4)
    assert frames.shape == (4, 32, 48, 3)
    assert frames.dtype == np.uint8
    np.testing.assert_allclose(frames.mean(axis=(1, 2, 3)), [40, 90, 140, 190], atol=6)
    assert len(read_frames(Store(tmp_path), "a.mp4", 33)) == 33


def test_sound_is_resampled_and_stated(tmp_path, write_video):
    write_video(tmp_path / "a.mp4")
    samples, changed = read_sound(Store(tmp_path), "a.mp4", 16_000)
    assert changed["resampled_from"] == 44_100
    assert abs(len(samples) / 16_000 - 2.0) < 0.1
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert abs(spectrum.argmax() * 16_000 / len(samples) - 440) < 2
    assert abs(samples[4000:-4000].std() - 0.5 / np.sqrt(2)) < 0.02


def test_broken_clips(tmp_path, write_video):
    write_video(tmp_path / "a.mp4", sound=False)
    store = Store(tmp_path)
    with pytest.raises(UnreadableError, match=r"a\.mp4: no audio track"):
        read_sound(store, "a.mp4", None)
    whole = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "b.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableError, match=r"b\.mp4: no (readable video|video track)"):
        read_frames(store, "b.mp4", 4)
    write_video(tmp_path / "c.mkv", seconds=4)
    whole = (tmp_path / "c.mkv").read_bytes()
    (tmp_path / "c.mkv").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(UnreadableError, match=r"c\.mkv: (video stops at|no readable video)"):
        read_frames(store, "c.mkv", 4)
    with pytest.raises(UnreadableError, match=r"d\.mp4: No such file"):
        read_frames(store, "d.mp4", 4)


def test_without_the_package(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match="video needs PyAV: pip install av"):
        read_frames(Store(tmp_path), "a.mp4", 4)
