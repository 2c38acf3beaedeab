"""Damaged headers that ask for gigabytes."""

import struct

import numpy as np
import pytest

from tokencom.linklevel.sources import AVIF, HEVC, JPEG, JPEG2000, WebP

from .pictures import picture

SHAPE = (64, 64, 3)


def _jpeg(data: bytes) -> bytes:
    frame = data.index(b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">HH", 65500, 65500) + data[frame + 9 :]


def _jpeg2000(data: bytes) -> bytes:
    size = struct.pack(">II", 2**31, 2**31)
    return data[:8] + size + data[16:24] + size + data[32:]


def _webp(data: bytes) -> bytes:
    return data[:26] + struct.pack("<HH", 16383, 16383) + data[30:]


def _heif(data: bytes) -> bytes:
    extent = data.index(b"ispe") + 8
    return data[:extent] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + data[extent + 8 :]


@pytest.mark.parametrize(
    ("make", "enlarge"), [(JPEG, _jpeg), (JPEG2000, _jpeg2000), (WebP, _webp), (AVIF, _heif), (HEVC, _heif)]
)
def test_a_header_that_asks_for_gigabytes_gives_the_fallback(make, enlarge):
    if make is HEVC:
        pytest.importorskip("pillow_heif")
    codec = make(shape=SHAPE)
    data = codec.encode(picture(SHAPE))
    assert codec.decode(data).damaged is False
    decoded = codec.decode(enlarge(data))
    assert decoded.fallback
    assert (decoded.item == 128).all()


@pytest.mark.parametrize("make", [JPEG, JPEG2000, WebP, AVIF, HEVC])
def test_a_large_flat_image_is_refused_before_its_pixels_are_decoded(make, monkeypatch):
    if make is HEVC:
        pytest.importorskip("pillow_heif")
    flat = np.zeros((512, 512, 3), dtype=np.uint8)
    data = make(shape=flat.shape).encode(flat, 40_000)
    codec = make(shape=SHAPE)
    monkeypatch.setattr(codec, "pixels", lambda opened: pytest.fail("pixels were decoded"))
    assert codec.decode(data).fallback
