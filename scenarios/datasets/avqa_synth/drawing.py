"""Pictures of a clip: drifting, jumping shapes in front of a dark background."""

import numpy as np

from .graph import COLOURS, DIRECTIONS, SHAPES, EventGraph

RADIUS = 0.11
"""Of every object, in image widths."""

DRIFT = 0.15
"""Path of an object through the whole clip, in image widths."""

JUMP = 0.075
"""Height of a jump, in image heights; the object also grows by a quarter."""


def draw_frames(rng: np.random.Generator, graph: EventGraph, size: int, num_frames: int) -> np.ndarray:
    """Draw a clip.

    Args:
        rng: of brightness, background and camera noise.
        graph: what to draw.
        size: height and width, pixels.
        num_frames: number of frames.

    Returns:
        [num_frames, size, size, 3], numpy.uint8.
    """
    top, bottom = rng.uniform(15, 60, (2, 3)).astype(np.float32)
    ramp = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    picture = rng.standard_normal((num_frames, size, size, 3), dtype=np.float32)
    picture *= 3
    picture += top + ramp * (bottom - top)
    for i, thing in enumerate(graph.things):
        colour = np.array(COLOURS[thing.colour], dtype=np.float32) * np.float32(rng.uniform(0.85, 1.0))
        rows, columns, cover = _cover(graph, i, size, num_frames)
        patch = picture[:, rows, columns]
        patch += cover[..., None] * (colour - patch)
    np.rint(picture, out=picture)
    np.clip(picture, 0, 255, out=picture)
    return picture.astype(np.uint8)


def _cover(graph: EventGraph, i: int, size: int, num_frames: int) -> tuple[slice, slice, np.ndarray]:
    """Return the part of the picture that object ``i`` crosses, and how much of each pixel it covers.

    Returns:
        rows, columns, and [num_frames, num_rows, num_columns], numpy.float32, in 0...1.
    """
    thing = graph.things[i]
    along = DRIFT * (np.arange(num_frames) / (num_frames - 1) - 0.5)
    centre = np.array([thing.x, thing.y]) + along[:, None] * DIRECTIONS[thing.direction]
    radius = np.full((num_frames, 1, 1), RADIUS, dtype=np.float32)
    for event in graph.jumps(i):
        centre[event.slot, 1] -= JUMP
        radius[event.slot] *= 1.25
    low = np.floor((centre.min(axis=0) - 1.5 * RADIUS) * size).astype(int).clip(0, size)
    high = np.ceil((centre.max(axis=0) + 1.5 * RADIUS) * size).astype(int).clip(0, size)
    columns, rows = slice(low[0], high[0]), slice(low[1], high[1])
    pixel = (np.arange(size) + 0.5) / size
    x = (pixel[columns] - centre[:, :1]).astype(np.float32)[:, None, :]
    y = (pixel[rows] - centre[:, 1:]).astype(np.float32)[:, :, None]
    return rows, columns, np.clip(0.5 - _DISTANCES[thing.shape](x, y, radius) * size, 0, 1)


def _circle(x: np.ndarray, y: np.ndarray, r: np.ndarray) -> np.ndarray:
    return np.hypot(x, y) - r


def _square(x: np.ndarray, y: np.ndarray, r: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(x), np.abs(y)) - 0.88 * r


def _triangle(x: np.ndarray, y: np.ndarray, r: np.ndarray) -> np.ndarray:
    return np.maximum(0.894 * np.abs(x) - 0.447 * y - 0.5 * r, y - 0.9 * r)


def _cross(x: np.ndarray, y: np.ndarray, r: np.ndarray) -> np.ndarray:
    wide, high = np.abs(x), np.abs(y)
    return np.minimum(
        np.maximum(wide - 1.1 * r, high - 0.4 * r),
        np.maximum(wide - 0.4 * r, high - 1.1 * r),
    )


_DISTANCES = dict(zip(SHAPES, (_circle, _square, _triangle, _cross), strict=True))
