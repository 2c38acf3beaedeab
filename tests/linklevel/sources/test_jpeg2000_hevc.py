"""What is special about JPEG 2000 and HEVC."""

import sys

import pytest

from tokencom.linklevel.sources import HEVC, JPEG2000

from .pictures import picture


def test_the_codestream_carries_no_boxes_and_no_comment():
    data = JPEG2000(shape=(32, 32, 3)).encode(picture((32, 32, 3)), 600)
    assert data[:4] == b"\xff\x4f\xff\x51"
    assert b"OpenJPEG" not in data
    assert b"jP  " not in data


@pytest.mark.parametrize("budget", [300, 1000, 5000])
def test_jpeg2000_uses_the_budget(budget):
    image = picture((128, 128, 3))
    size = len(JPEG2000(shape=image.shape).encode(image, budget))
    assert 0.95 * budget <= size <= budget


def test_hevc_without_pillow_heif_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ValueError, match=r"hevc.*pillow-heif.*pip install"):
        HEVC(shape=(32, 32, 3))
