"""A pinhole camera that looks down on the ground plane z = 0."""

import math
from dataclasses import dataclass

Vector = tuple[float, float, float]

HALF_WIDTH = 0.295
"""Half the picture's width at unit depth: the tangent of half the field of view."""

TARGET: Vector = (0.0, 0.0, 0.35)
"""What the camera looks at, scene units."""


def dot(a: Vector, b: Vector) -> float:
    """Return the inner product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """Return the vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def unit(a: Vector) -> Vector:
    """Return the vector of length 1 in the direction of ``a``."""
    length = math.sqrt(dot(a, a))
    return a[0] / length, a[1] / length, a[2] / length


@dataclass(frozen=True)
class Camera:
    """Where the camera stands; it looks at :data:`TARGET` and does not roll.

    Args:
        position: scene units; above the ground.

    Example:
        >>> x, y, depth = Camera((7.0, -7.0, 7.0)).project(TARGET)
        >>> abs(x) < 1e-9, abs(y) < 1e-9, round(depth, 2)
        (True, True, 11.93)
    """

    position: Vector

    @property
    def axes(self) -> tuple[Vector, Vector, Vector]:
        """Unit vectors to the right, up and into the picture."""
        p = self.position
        forward = unit((TARGET[0] - p[0], TARGET[1] - p[1], TARGET[2] - p[2]))
        right = unit(cross(forward, (0.0, 0.0, 1.0)))
        return right, cross(right, forward), forward

    def directions(self) -> dict[str, Vector]:
        """Return CLEVR's six directions: the camera's axes laid on the ground plane."""
        right, _, forward = self.axes
        behind = unit((forward[0], forward[1], 0.0))
        return {
            "behind": behind,
            "front": (-behind[0], -behind[1], 0.0),
            "left": (-right[0], -right[1], 0.0),
            "right": (right[0], right[1], 0.0),
            "above": (0.0, 0.0, 1.0),
            "below": (0.0, 0.0, -1.0),
        }

    def project(self, point: Vector) -> Vector:
        """Return the picture coordinates of a point.

        Returns:
            x to the right and y downwards, both -1...1 inside the picture, and the depth along the
            optical axis, scene units.
        """
        right, up, forward = self.axes
        p = self.position
        ray = (point[0] - p[0], point[1] - p[1], point[2] - p[2])
        depth = dot(ray, forward)
        scale = 1.0 / (HALF_WIDTH * depth)
        return dot(ray, right) * scale, -dot(ray, up) * scale, depth
