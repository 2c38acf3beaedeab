"""The abbreviated JPEG format and JPEG's best effort."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageFile

from tokencom.linklevel.sources import JPEG

from .pictures import SHAPES, picture, psnr


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("quality", [1, 35, 75, 100])
def test_the_abbreviated_format_expands_to_the_same_pixels(shape, quality):
    image = picture(shape)
    short = JPEG(shape=shape, abbreviated=True)
    pillow = Image.fromarray(image[:, :, 0] if shape[2] == 1 else image)
    data = short.compress(pillow, quality - 1)
    buffer = io.BytesIO()
    pillow.save(buffer, "JPEG", quality=quality)  # Pillow's defaults: standard Huffman tables, 4:2:0
    assert short.expand(data) == buffer.getvalue()
    reference = np.asarray(Image.open(io.BytesIO(buffer.getvalue()))).reshape(shape)
    assert np.array_equal(short.decode(data).item, reference)
    full = JPEG(shape=shape).compress(pillow, quality - 1)
    assert len(data) < len(buffer.getvalue()) - 300
    if max(shape) <= 64:
        assert len(data) < len(full)


def test_quality_and_dimensions_are_charged():
    codec = JPEG(shape=(48, 32, 3), abbreviated=True)
    level, data = codec.fit(picture((48, 32, 3)), 300)
    assert struct.unpack(">BHH", data[:5]) == (level + 1, 48, 32)


def test_a_small_image_has_room_in_the_abbreviated_format_only():
    image = picture((32, 32, 3))
    assert JPEG(shape=image.shape).smallest(image) > 250
    assert JPEG(shape=image.shape, abbreviated=True).smallest(image) < 100


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4])
def test_damaged_agreed_fields_give_the_fallback(at):
    codec = JPEG(shape=(32, 32, 1), abbreviated=True)
    data = bytearray(codec.encode(picture((32, 32, 1)), 300))
    data[at] = 0xFE
    assert codec.decode(bytes(data)).fallback


@pytest.mark.parametrize("abbreviated", [False, True])
def test_a_cut_file_keeps_its_upper_part(abbreviated):
    shape = (128, 128, 1)
    codec, image = JPEG(shape=shape, abbreviated=abbreviated), picture(shape)
    data = codec.encode(image, 4000)
    whole, cut = codec.decode(data).item, codec.decode(data[: len(data) // 2])
    assert not cut.fallback
    assert cut.damaged or abbreviated  # the abbreviated format has no end to miss
    assert np.array_equal(cut.item[:32], whole[:32])
    assert not np.array_equal(cut.item[96:], whole[96:])


def test_damage_in_the_scan_still_decodes():
    shape = (128, 128, 3)
    codec, image, rng = JPEG(shape=shape), picture(shape), np.random.default_rng(0)
    data = codec.encode(image, 6000)
    scan = data.index(b"\xff\xda") + 14
    scores = []
    for _ in range(100):
        changed = bytearray(data)
        changed[rng.integers(scan, len(data) - 2)] ^= 1 << rng.integers(8)
        decoded = codec.decode(bytes(changed))
        assert not decoded.fallback
        scores.append(psnr(decoded.item, image))
    assert np.median(scores) > psnr(codec.fallback(), image)


def test_pillows_global_switch_is_left_alone():
    codec = JPEG(shape=(128, 128, 1))
    data = codec.encode(picture((128, 128, 1)), 4000)
    for switch in (False, True):
        ImageFile.LOAD_TRUNCATED_IMAGES = switch
        try:
            codec.decode(data[:-900])
            assert ImageFile.LOAD_TRUNCATED_IMAGES is switch
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
