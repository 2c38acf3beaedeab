"""Scenes: objects on a plane that can be told apart, seen, and ordered in every direction.

A scene is drawn again until every object shows enough of itself, and any two objects differ by
`MARGIN` along both axes of the ground. So no question about a scene has an answer that the picture
does not show.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .camera import HALF_WIDTH, Camera, Vector, dot
from .raycast import count_pixels
from .vocabulary import COLORS, MATERIALS, SHAPES, SIZES

MARGIN = 0.4
"""Least distance of two objects along each direction, scene units, as in CLEVR."""

MIN_DISTANCE = 0.25
"""Least gap between two objects, scene units, as in CLEVR."""

EXTENT = 3.0
"""Objects stand within ±EXTENT of the middle along the world's axes, scene units, as in CLEVR."""

MIN_PIXELS, MIN_SHARE, CHECK_SIZE = 14, 0.4, 64
"""Of each object at least so many pixels, and so much of its outline, are seen at 64x64."""

MIN_SIDE_STEP = 0.02
"""Least difference of two objects' horizontal position, in picture widths, in the order of the ground."""

CUBE_SCALE = 0.8
"""Half the edge of a cube over the radius of its size, so that shapes of a size look equally big."""


@dataclass(frozen=True)
class SceneObject:
    """An object.

    Args:
        size: "large" or "small".
        color: one of CLEVR's eight.
        material: "rubber" or "metal".
        shape: "cube", "sphere" or "cylinder".
        center: scene units.
        rotation: about the vertical, degrees.
    """

    size: str
    color: str
    material: str
    shape: str
    center: Vector
    rotation: float

    @property
    def half_height(self) -> float:
        """Half the height, scene units: also the radius, or half the edge."""
        return SIZES[self.size] * (CUBE_SCALE if self.shape == "cube" else 1.0)

    @property
    def reach(self) -> float:
        """Radius of the upright cylinder around the object, scene units."""
        return self.half_height * (math.sqrt(2.0) if self.shape == "cube" else 1.0)


@dataclass(frozen=True)
class Scene:
    """A scene with its camera and light.

    Args:
        objects: three to eight as a rule.
        camera: where it is seen from.
        light: position of the key light (3), direction of the second light on the ground (2) and
            brightness.
    """

    objects: tuple[SceneObject, ...]
    camera: Camera
    light: tuple[float, ...]

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return objects, camera and light as :mod:`.raycast` wants them."""
        rows = []
        for o in self.objects:
            turn = math.radians(o.rotation)
            linear = [(level / 255.0) ** 2.2 for level in COLORS[o.color]]
            rows.append((
                SHAPES.index(o.shape), *o.center, o.half_height, math.cos(turn), math.sin(turn),
                *linear, float(o.material == "metal"),
            ))  # fmt: skip
        right, up, forward = self.camera.axes
        wide = [tuple(HALF_WIDTH * x for x in axis) for axis in (right, up)]
        return np.array(rows), np.array([self.camera.position, *wide, forward]), np.array(self.light)

    def relationships(self) -> dict[str, list[list[int]]]:
        """Return, for each direction and object, the objects that lie there, as in CLEVR's files."""
        directions = self.camera.directions()
        found = {}
        for name in ("right", "behind", "front", "left"):
            along = [dot(o.center, directions[name]) for o in self.objects]
            found[name] = [[j for j, b in enumerate(along) if b - a > MARGIN / 2] for a in along]
        return found

    def to_json(self, *, split: str, image_index: int, size: int) -> dict[str, Any]:
        """Return the scene graph as CLEVR's scene files have it.

        Args:
            split: name of the split.
            image_index: number of the image in it.
            size: side of the picture, pixels.
        """
        objects = []
        for o in self.objects:
            x, y, depth = self.camera.project(o.center)
            pixel = [int((x + 1) / 2 * size), int((y + 1) / 2 * size), depth]
            objects.append({
                "shape": o.shape, "size": o.size, "material": o.material, "3d_coords": list(o.center),
                "rotation": o.rotation, "pixel_coords": pixel, "color": o.color,
            })  # fmt: skip
        return {
            "split": split,
            "image_index": image_index,
            "image_filename": f"CLEVR_{split}_{image_index:06d}.png",
            "objects": objects,
            "directions": {name: list(vector) for name, vector in self.camera.directions().items()},
            "relationships": self.relationships(),
        }


def sample_scene(rng: np.random.Generator, *, min_objects: int = 3, max_objects: int = 8) -> Scene:
    """Draw a scene.

    Args:
        rng: source of all randomness.
        min_objects: least number of objects.
        max_objects: largest number of objects.
    """
    number = int(rng.integers(min_objects, max_objects + 1))
    while True:
        camera = Camera((7.1 + _jitter(rng), -6.7 + _jitter(rng), 6.9 + _jitter(rng)))
        objects = _place(rng, camera, number)
        if objects is None:
            continue
        scene = Scene(objects, camera, _light(rng, camera))
        seen, alone = count_pixels(*scene.arrays()[:2], CHECK_SIZE)
        if bool(np.all((seen >= MIN_PIXELS) & (seen >= MIN_SHARE * alone))):
            return scene


def _jitter(rng: np.random.Generator, reach: float = 0.5) -> float:
    return float(rng.uniform(-reach, reach))


def _light(rng: np.random.Generator, camera: Camera) -> tuple[float, ...]:
    """Return a light above the left shoulder of the camera, and one from the right."""
    directions = camera.directions()
    left, front = directions["left"], directions["front"]
    x, y = (5.0 * left[k] + 3.0 * front[k] + _jitter(rng) for k in (0, 1))
    fill = [0.9 * directions["right"][k] + 0.4 * front[k] for k in (0, 1)]
    return x, y, 7.5 + _jitter(rng), fill[0], fill[1], float(rng.uniform(0.92, 1.08))


def _place(rng: np.random.Generator, camera: Camera, number: int) -> tuple[SceneObject, ...] | None:
    """Return objects that keep all distances, or `None` if one found no place."""
    directions = camera.directions()
    right, front = directions["right"], directions["front"]
    placed: list[tuple[SceneObject, float, float, float]] = []
    for _ in range(number):
        for draw in rng.random((40, 7)).tolist():
            candidate = _object(draw)
            across, along = dot(candidate.center, right), dot(candidate.center, front)
            if not _clear(candidate, across, along, placed):
                continue
            x, y, depth = camera.project(candidate.center)
            edge = 0.98 - 1.1 * candidate.reach / (HALF_WIDTH * depth)
            if abs(x) < edge and abs(y) < edge and _ordered(across, x, placed):
                placed.append((candidate, across, along, x))
                break
        else:
            return None
    return tuple(entry[0] for entry in placed)


def _object(draw: list[float]) -> SceneObject:
    """Return the object that seven uniform numbers stand for."""
    size = tuple(SIZES)[int(draw[0] * 2)]
    color = tuple(COLORS)[int(draw[1] * 8)]
    material, shape = MATERIALS[int(draw[2] * 2)], SHAPES[int(draw[3] * 3)]
    height = SIZES[size] * (CUBE_SCALE if shape == "cube" else 1.0)
    center = ((2 * draw[4] - 1) * EXTENT, (2 * draw[5] - 1) * EXTENT, height)
    return SceneObject(size, color, material, shape, center, 360.0 * draw[6])


def _clear(
    candidate: SceneObject, across: float, along: float, placed: list[tuple[SceneObject, float, float, float]]
) -> bool:
    """Return whether an object keeps its distance from those that stand."""
    for other, other_across, other_along, _ in placed:
        if abs(across - other_across) < MARGIN or abs(along - other_along) < MARGIN:
            return False
        gap = math.hypot(across - other_across, along - other_along) - candidate.reach - other.reach
        if gap < MIN_DISTANCE:
            return False
    return True


def _ordered(across: float, x: float, placed: list[tuple[SceneObject, float, float, float]]) -> bool:
    """Return whether the picture shows objects in the order from left to right that the ground has."""
    return all((x - other[3]) * (1 if across > other[1] else -1) > 2 * MIN_SIDE_STEP for other in placed)
