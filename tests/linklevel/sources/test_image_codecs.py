"""Laws that every image codec keeps."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokencom.linklevel.sources import AVIF, HEVC, JPEG, JPEG2000, WebP

from .pictures import SHAPES, picture, psnr

CODECS = {
    "jpeg": JPEG,
    "jpeg_abbreviated": lambda shape: JPEG(shape=shape, abbreviated=True),
    "jpeg2000": JPEG2000,
    "webp": WebP,
    "avif": AVIF,
    "hevc": HEVC,
}


@pytest.fixture(params=CODECS)
def make(request):
    if request.param == "hevc":
        pytest.importorskip("pillow_heif")
    return CODECS[request.param]


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 15, 3), *SHAPES], ids=str)
def test_round_trip(make, shape):
    codec, image = make(shape=shape), picture(shape)
    decoded = codec.decode(codec.encode(image))
    assert not decoded.damaged
    assert not decoded.fallback
    assert decoded.item.shape == shape
    assert decoded.item.dtype == np.uint8
    grey = codec.decode(codec.encode(np.full(shape, 77, dtype=np.uint8))).item
    assert np.abs(grey.astype(int) - 77).max() <= 3
    if shape[2] == 1:  # without chroma subsampling, the best quality is close to the image
        assert psnr(decoded.item, image) > 36


@pytest.mark.parametrize("shape", [(32, 32, 3), (64, 96, 1)], ids=str)
def test_files_fit_and_quality_never_falls_with_the_budget(make, shape):
    codec, image = make(shape=shape), picture(shape)
    smallest, largest = codec.smallest(image), len(codec.encode(image))
    budgets = np.linspace(smallest, largest, 9).astype(int)
    levels = []
    for budget in budgets:
        level, data = codec.fit(image, int(budget))
        assert len(data) <= budget
        assert data == codec.encode(image, int(budget)) == codec.compress(codec._to_pillow(image), level)
        levels.append(level)
    assert levels == sorted(levels)
    assert levels[0] < levels[-1]
    assert levels[-1] >= 0.9 * (codec.num_levels - 1)


def test_more_bytes_look_better(make):
    codec, image = make(shape=(64, 96, 1)), picture((64, 96, 1))
    scores = [psnr(codec.decode(codec.encode(image, budget)).item, image) for budget in (700, 1400, 2800)]
    assert scores[0] < scores[1] < scores[2]


def test_too_small_a_budget_names_the_smallest_size(make):
    codec, image = make(shape=(32, 32, 3)), picture((32, 32, 3))
    smallest = codec.smallest(image)
    assert len(codec.encode(image, smallest)) == smallest
    with pytest.raises(ValueError, match=rf"max_bytes: {smallest - 1} .*{codec.name}.* {smallest} bytes"):
        codec.encode(image, smallest - 1)


def test_no_image_of_the_agreed_shape_is_refused(make):
    codec = make(shape=(32, 32, 3))
    with pytest.raises(ValueError, match=r"\(32, 32, 1\).*\(32, 32, 3\)"):
        codec.encode(picture((32, 32, 1)))
    with pytest.raises(TypeError, match="float64"):
        codec.encode(picture((32, 32, 3)).astype(float))
    with pytest.raises(TypeError, match="str"):
        codec.encode("a text")


@pytest.mark.parametrize("shape", [(32, 32), (0, 32, 3), (32, 32, 2), (32, 20000, 3)])
def test_an_impossible_shape_is_refused(make, shape):
    with pytest.raises(ValueError, match="shape"):
        make(shape=shape)


def test_files_of_another_size_or_mode_are_damaged(make):
    codec = make(shape=(32, 32, 3))
    for other in ((32, 48, 3), (32, 32, 1)):
        if other == (32, 32, 1) and (codec.name == "webp" or getattr(codec, "abbreviated", False)):
            continue  # WebP has colour only; the abbreviated format does not say
        decoded = codec.decode(make(shape=other).encode(picture(other)))
        assert decoded.damaged
        assert decoded.fallback
        assert decoded.item.shape == (32, 32, 3)
        assert (decoded.item == 128).all()


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 500, b"RIFF\x10\0\0\0WEBPVP8 ", bytes(1000)])
def test_rubbish_gives_mid_grey(make, data):
    codec = make(shape=(40, 32, 1))
    decoded = codec.decode(data)
    assert decoded.damaged
    assert decoded.fallback
    assert np.array_equal(decoded.item, np.full((40, 32, 1), 128, dtype=np.uint8))


def _damage(data: bytes, flips: list[float], cut: float | None) -> bytes:
    changed = bytearray(data)
    for place in flips:
        bit = int(place * (8 * len(changed) - 1))
        changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed if cut is None else changed[: int(cut * len(changed))])


@pytest.mark.parametrize("name", CODECS)
def test_damage_never_raises(name):
    """500 cases for each codec: single flips, bursts of flips and cuts, with an accent on headers."""
    if name == "hevc":
        pytest.importorskip("pillow_heif")
    shape = (32, 48, 3)
    codec = CODECS[name](shape=shape)
    files = [codec.encode(picture(shape, seed), budget) for seed, budget in ((0, 900), (1, 1500))]
    place = st.floats(0, 1) | st.floats(0, 0.1)

    @settings(
        max_examples=500,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        which=st.integers(0, 1),
        flips=st.lists(place, min_size=1, max_size=40),
        cut=st.none() | st.floats(0, 1),
    )
    def check(which, flips, cut):
        decoded = codec.decode(_damage(files[which], flips, cut))
        assert decoded.item.shape == shape
        assert decoded.item.dtype == np.uint8
        assert decoded.damaged or not decoded.fallback
        if decoded.fallback:
            assert (decoded.item == 128).all()

    check()


@pytest.mark.parametrize("name", CODECS)
def test_many_random_flips_never_raise(name):
    """1,000 cases for each codec at bit error rates from 1e-4 to 1e-1."""
    if name == "hevc":
        pytest.importorskip("pillow_heif")
    shape = (64, 64, 1)
    codec, rng = CODECS[name](shape=shape), np.random.default_rng(3)
    data = np.frombuffer(codec.encode(picture(shape), 1200), dtype=np.uint8)
    intact = codec.decode(data.tobytes()).item
    outcomes = {"fallback": 0, "same": 0}
    for _ in range(1000):
        flips = rng.random(8 * data.size) < 10 ** rng.uniform(-4, -1)
        decoded = codec.decode((data ^ np.packbits(flips)).tobytes())
        assert decoded.item.shape == shape
        outcomes["fallback"] += decoded.fallback
        outcomes["same"] += np.array_equal(decoded.item, intact)
    assert 0 < outcomes["fallback"] < 1000
    assert outcomes["same"] < 1000


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from pictures import picture
from tokencom.linklevel.sources import AVIF, HEVC, JPEG, JPEG2000, WebP
for make in (JPEG, JPEG2000, WebP, AVIF, HEVC):
    for shape in ((64, 96, 1), (128, 128, 3)):
        print(hashlib.sha256(make(shape=shape).encode(picture(shape), 2000)).hexdigest())
"""


def test_bytes_repeat_in_another_process():
    pytest.importorskip("pillow_heif")
    from pathlib import Path

    folder = str(Path(__file__).parent)
    run = subprocess.run([sys.executable, "-c", SCRIPT, folder], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    here = [
        hashlib.sha256(make(shape=shape).encode(picture(shape), 2000)).hexdigest()
        for make in (JPEG, JPEG2000, WebP, AVIF, HEVC)
        for shape in ((64, 96, 1), (128, 128, 3))
    ]
    assert run.stdout.split() == here
