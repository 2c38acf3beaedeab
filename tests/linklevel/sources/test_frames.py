"""Clips as stacked pictures."""

import numpy as np
import pytest

from tokencom.linklevel.sources import JPEG, UTF8, Frames, WebP

from .pictures import picture, psnr

SHAPE = (4, 16, 32, 3)


def clip(seed=0):
    return np.stack([picture(SHAPE[1:], seed=seed + number) for number in range(SHAPE[0])])


def codec(kind=JPEG, **options):
    return Frames(kind(shape=(64, 32, 3), **options), 4)


@pytest.mark.parametrize("made", [codec(), codec(abbreviated=True), codec(WebP)])
def test_frames_come_back_in_order(made):
    item = clip()
    decoded = made.decode(made.encode(item))
    assert not decoded.damaged
    assert not decoded.fallback
    assert decoded.item.shape == SHAPE
    assert decoded.item.dtype == np.uint8
    for number in range(4):
        scores = [psnr(decoded.item[number], other) for other in item]
        assert int(np.argmax(scores)) == number


def test_all_frames_share_the_budget_of_one_file():
    made, item = codec(abbreviated=True), clip()
    smallest = made.smallest(item)
    assert made.encode(item, smallest + 10) == made.codec.encode(item.reshape(64, 32, 3), smallest + 10)
    single = JPEG(shape=SHAPE[1:], abbreviated=True)
    assert smallest < sum(single.smallest(frame) for frame in item)
    with pytest.raises(ValueError, match=f"the smallest file of this item has {smallest} bytes"):
        made.encode(item, smallest - 1)
    # A frame with detail gets more of it where the others are flat.
    flat = np.concatenate([item[:1], np.full((3, 16, 32, 3), 90, np.uint8)])
    budget = made.smallest(item) + 100
    scores = [psnr(made.decode(made.encode(one, budget)).item[0], item[0]) for one in (item, flat)]
    assert scores[1] > scores[0]


def test_what_cannot_be_decoded_is_grey():
    made = codec(abbreviated=True)
    decoded = made.decode(b"no file")
    assert decoded.damaged
    assert decoded.fallback
    assert np.array_equal(decoded.item, made.fallback())
    assert decoded.item.shape == SHAPE
    assert (decoded.item == 128).all()


def test_keys_tell_clips_apart():
    made = codec()
    assert made.key(clip()) == made.key(clip().copy())
    assert made.key(clip()) != made.key(clip(seed=1))


def test_bad_input():
    with pytest.raises(TypeError, match="codec: UTF8 given; an ImageCodec is needed"):
        Frames(UTF8(), 4)
    with pytest.raises(ValueError, match="a multiple of num_frames = 5 is needed, such as 60"):
        Frames(JPEG(shape=(64, 32, 3)), 5)
    with pytest.raises(ValueError, match="num_frames: 0"):
        Frames(JPEG(shape=(64, 32, 3)), 0)
    with pytest.raises(ValueError, match=r"a clip of shape \(3, 16, 32, 3\) given; the codec's agreed shape is \(4,"):
        codec().encode(clip()[:3])
    with pytest.raises(TypeError, match="float64"):
        codec().encode(clip().astype(float))
    with pytest.raises(TypeError, match="list given"):
        codec().encode([1])
