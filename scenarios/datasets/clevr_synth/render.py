"""From a scene to a picture."""

from functools import cache
from typing import Literal

import numpy as np

from ....linklevel.validation import check_choice, check_range
from . import raycast
from .scenes import Scene

Shadow = Literal["soft", "hard"]

MIN_SIZE, MAX_SIZE = 32, 256
NUM_SUB = 2
LIGHT_RADIUS = 0.9


def render(scene: Scene, *, size: int = 64, shadow: Shadow = "soft") -> np.ndarray:
    """Return the picture of a scene, [size, size, 3], numpy.uint8.

    Four rays a pixel (one on bare ground); a metal surface mirrors its surroundings once. Under a soft shadow each ray
    sees another point of a round light. The bytes depend on nothing but the arguments.

    Args:
        scene: what is shown.
        size: side, 32...256 pixels.
        shadow: "soft" or "hard".
    """
    check_range("size", size, MIN_SIZE, MAX_SIZE, integer=True)
    check_choice("shadow", shadow, ("soft", "hard"))
    image = np.empty((size, size, 3), np.uint8)
    raycast.render(*scene.arrays(), _offsets(shadow), NUM_SUB, _gamma(), image)
    return image


@cache
def _offsets(shadow: str) -> np.ndarray:
    """Return 16 points of the light, [16, 3]: a sunflower disc, or one point."""
    if shadow == "hard":
        return np.zeros((16, 3))
    k = np.arange(16)
    radius, angle = LIGHT_RADIUS * np.sqrt((k + 0.5) / 16), k * 2.399963229728653
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(16)], axis=1)


@cache
def _gamma() -> np.ndarray:
    """Return pixel values of linear light 0...1, [4096], numpy.uint8."""
    return np.round(255.0 * np.linspace(0.0, 1.0, 4096) ** (1 / 2.2)).astype(np.uint8)
