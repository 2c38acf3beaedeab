"""Scenes and pictures: distances, visibility, colours, shadows."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tokencom.scenarios.datasets.clevr_synth.camera import Camera
from tokencom.scenarios.datasets.clevr_synth.render import render
from tokencom.scenarios.datasets.clevr_synth.scenes import Scene, SceneObject, sample_scene

LIGHT = (-2.0, -7.0, 7.5, 0.7, -0.3, 1.0)
CAMERA = Camera((7.1, -6.7, 6.9))


@pytest.fixture(scope="module")
def scenes():
    rng = np.random.default_rng(3)
    return [sample_scene(rng) for _ in range(60)]


def _one(shape="sphere", color="red", material="rubber", size="large"):
    height = {"large": 0.7, "small": 0.35}[size] * (0.8 if shape == "cube" else 1)
    return Scene((SceneObject(size, color, material, shape, (0.0, 0.0, height), 20.0),), CAMERA, LIGHT)


def test_objects_keep_the_margins_of_clevr(scenes):
    counts = {len(scene.objects) for scene in scenes}
    assert counts == {3, 4, 5, 6, 7, 8}
    for scene in scenes:
        directions = scene.camera.directions()
        for i, a in enumerate(scene.objects):
            for b in scene.objects[:i]:
                offset = np.subtract(a.center, b.center)
                assert abs(offset @ directions["left"]) >= 0.4
                assert abs(offset @ directions["behind"]) >= 0.4
                assert math.hypot(*offset[:2]) - a.reach - b.reach >= 0.25


def test_relationships_are_strict_orders_and_match_the_picture(scenes):
    for scene in scenes:
        graph = scene.to_json(split="val", image_index=0, size=256)
        relations, number = graph["relationships"], len(scene.objects)
        for one, two in (("left", "right"), ("front", "behind")):
            for i in range(number):
                assert sorted([*relations[one][i], *relations[two][i], i]) == list(range(number))
                for j in relations[one][i]:
                    assert i in relations[two][j]
                    if one == "left":
                        assert graph["objects"][j]["pixel_coords"][0] < graph["objects"][i]["pixel_coords"][0]


def test_every_object_shows_in_the_picture(scenes):
    """Without an object at least as many pixels change as the scene promises to show of it."""
    for scene in scenes[:25]:
        whole = render(scene).astype(int)
        for i in range(len(scene.objects)):
            rest = replace(scene, objects=scene.objects[:i] + scene.objects[i + 1 :])
            changed = np.abs(render(rest).astype(int) - whole).max(axis=-1) > 6
            assert changed.sum() >= 14


def test_pixel_coordinates_are_where_the_object_is():
    scene = _one(color="yellow")
    x, y, depth = scene.to_json(split="val", image_index=0, size=128)["objects"][0]["pixel_coords"]
    assert depth == pytest.approx(math.dist(CAMERA.position, (0, 0, 0.7)), rel=0.01)
    image = render(scene, size=128).astype(int)
    yellow = (image[..., 0] - image[..., 2]) > 60
    rows, columns = np.nonzero(yellow)
    assert abs(rows.mean() - y) < 3
    assert abs(columns.mean() - x) < 3


@pytest.mark.parametrize("material", ["rubber", "metal"])
@pytest.mark.parametrize("shape", ["cube", "sphere", "cylinder"])
def test_colours_can_be_told_apart(shape, material):
    """The mean chromaticity of each colour is nearest to its own in the other lighting of a moved camera."""
    means = {}
    for color in ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"):
        image = render(_one(shape, color, material)).astype(float)
        centre = image[24:40, 24:40].reshape(-1, 3)
        means[color] = centre.mean(axis=0)
    names = list(means)
    for i, a in enumerate(names):
        for b in names[:i]:
            assert np.abs(means[a] - means[b]).max() > 12, (a, b)


def test_metal_shines_and_mirrors():
    for shape in ("cube", "sphere", "cylinder"):
        matte, metal = (render(_one(shape, material=m))[20:44, 20:44].astype(float) for m in ("rubber", "metal"))
        assert np.abs(matte - metal).max() > 40


def test_soft_and_hard_shadows():
    scene = _one(color="gray")
    soft, hard = render(scene, shadow="soft").astype(int), render(scene, shadow="hard").astype(int)
    empty = render(replace(scene, objects=_far(scene)), shadow="hard").astype(int)
    changed = soft != hard
    assert changed.any()
    assert (empty - hard).max() > 40
    assert len(np.unique(soft)) >= len(np.unique(hard)) - 5


def _far(scene):
    return (replace(scene.objects[0], center=(80.0, 80.0, 0.7)),)


@pytest.mark.parametrize("size", [32, 33, 64, 256])
def test_any_resolution_shows_the_same(size):
    image = render(_one(), size=size)
    assert image.shape == (size, size, 3)
    small = render(_one(), size=32).astype(float).mean(axis=(0, 1))
    assert np.allclose(image.mean(axis=(0, 1)), small, atol=3)


def test_refusals():
    with pytest.raises(ValueError, match=r"size: 300 is outside the allowed range \[32, 256\]"):
        render(_one(), size=300)
    with pytest.raises(ValueError, match="shadow: 'dark' is not known"):
        render(_one(), shadow="dark")
