import io
import sys

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.media import image_of, one_channel, sound_of
from tokencom.scenarios.datasets.stores import UnreadableError


def encoded(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "WEBP"])
def test_images_of_any_mode_become_rgb(form):
    for mode in ("L", "RGB", "RGBA", "P"):
        if form == "JPEG" and mode in {"RGBA", "P"}:
            continue
        image = Image.fromarray(np.full((6, 9), 128, np.uint8)).convert(mode)
        array = image_of(encoded(image, form), "x")
        assert array.shape == (6, 9, 3)
        assert array.dtype == np.uint8
        assert np.abs(array.astype(int) - 128).max() <= 6


def test_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(np.zeros((6, 9, 3), np.uint8))
    assert image_of(encoded(image, "JPEG", exif=exif), "x").shape == (9, 6, 3)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.9])
def test_truncated_images_are_refused(form, part):
    noise = np.random.default_rng(5).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), form)
    with pytest.raises(UnreadableError, match="photo 7: no readable image"):
        image_of(data[: int(part * len(data))], "photo 7")


def test_resampling_keeps_level_and_length():
    samples = np.full((44_100, 2), 0.25, np.float32)
    mono, changed = one_channel(samples, 44_100, 16_000, "x")
    assert changed == {"channels": 2, "resampled_from": 44_100}
    assert mono.shape == (16_000,)
    assert mono.dtype == np.float32
    np.testing.assert_allclose(mono[1000:-1000], 0.25, atol=1e-3)
    assert one_channel(samples[:, :1], 44_100, 44_100, "x")[1] == {}
    with pytest.raises(UnreadableError, match="x: no audio samples"):
        one_channel(samples[:0], 44_100, None, "x")


def test_without_soundfile(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ImportError, match="needs soundfile: pip install soundfile"):
        sound_of(b"fLaC", "a.flac")


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG"])
def test_soundfile_formats(form):
    soundfile = pytest.importorskip("soundfile", reason="needs soundfile")
    time = np.arange(4000) / 8000
    wanted = 0.5 * np.sin(2 * np.pi * 200 * time)
    buffer = io.BytesIO()
    subtype = {"WAV": "FLOAT", "FLAC": "PCM_24", "OGG": "VORBIS"}[form]
    soundfile.write(buffer, wanted, 8000, format=form, subtype=subtype)
    samples, rate = sound_of(buffer.getvalue(), f"a.{form.lower()}")
    assert (rate, samples.shape) == (8000, (4000, 1))
    assert np.abs(samples[:, 0] - wanted).max() < (0.1 if form == "OGG" else 1e-5)
