"""The ray-caster: objects on a ground plane, one light with a shadow, mirroring metal.

Objects are rows of an array as in :mod:`.surfaces`.
"""

import math

import numpy as np

from .compilation import inlined, kernel
from .surfaces import FAR, distance, normal, on_edge


@inlined
def _nearest(objects, ox, oy, oz, dx, dy, dz):
    """Return distance, object (-1 ground, -2 nothing) and part of what a ray hits first."""
    best, which, part = FAR, -2, 0
    if dz < -1e-9:
        best, which = -oz / dz, -1
    for i in range(len(objects)):
        t, p = distance(objects, i, ox, oy, oz, dx, dy, dz)
        if t < best:
            best, which, part = t, i, p
    return best, which, part


@inlined
def _lit(objects, skip, x, y, z, light, ux, uy, uz):
    """Return whether nothing stands between a point and the light."""
    lx, ly, lz = light[0] + ux - x, light[1] + uy - y, light[2] + uz - z
    n = 1.0 / math.sqrt(lx * lx + ly * ly + lz * lz)
    for i in range(len(objects)):
        if i != skip and distance(objects, i, x, y, z, lx * n, ly * n, lz * n)[0] < FAR:
            return False
    return True


@inlined
def _ground(objects, x, y):
    """Return the ground's brightness without the light: darker under and next to objects."""
    shade = 1.0
    for i in range(len(objects)):
        d = ((x - objects[i, 1]) ** 2 + (y - objects[i, 2]) ** 2) / (objects[i, 4] * objects[i, 4])
        if d < 6.0:
            shade *= 1.0 - 0.45 * (1.0 - d / 6.0) ** 2
    return shade


@inlined
def _diffuse(nx, ny, nz, light, x, y, z, lit):
    """Return how brightly a matte surface is lit: sky, a weak second light and the key light."""
    lx, ly, lz = light[0] - x, light[1] - y, light[2] - z
    n = 1.0 / math.sqrt(lx * lx + ly * ly + lz * lz)
    key = max(0.0, (nx * lx + ny * ly + nz * lz) * n) if lit else 0.0
    fill = max(0.0, 0.72 * nx * light[3] + 0.72 * ny * light[4] + 0.3 * nz)
    return 0.30 + 0.16 * nz + 0.30 * fill + 0.95 * key


@inlined
def _mirrored(objects, skip, x, y, z, dx, dy, dz, light):
    """Return red, green and blue that a mirror at a point would show: one bounce, no shadows."""
    best, which, part = FAR, -2, 0
    if dz < -1e-3:
        best, which = -z / dz, -1
    for i in range(len(objects)):
        if i != skip:
            t, p = distance(objects, i, x, y, z, dx, dy, dz)
            if t < best:
                best, which, part = t, i, p
    hx, hy, hz = x + best * dx, y + best * dy, z + best * dz
    if which >= 0:
        nx, ny, nz = normal(objects, which, part, hx, hy, hz)
        level = _diffuse(nx, ny, nz, light, hx, hy, hz, True)
        return level * objects[which, 7], level * objects[which, 8], level * objects[which, 9]
    strip = dx * light[4] - dy * light[3]
    bright = abs(abs(strip) - 0.5) < 0.2
    if which == -1:
        level = (0.30 + 0.30 * bright) * _ground(objects, hx, hy) / (1.0 + 0.02 * best * best)
        return level, level, level
    level = 0.06 + 0.5 * dz * dz + 0.75 * bright
    return level, level, level * 1.05


@inlined
def _shade(objects, i, part, x, y, z, dx, dy, dz, light, lit):
    """Return linear red, green and blue of a surface point seen along a ray."""
    nx, ny, nz = normal(objects, i, part, x, y, z)
    level = _diffuse(nx, ny, nz, light, x, y, z, lit)
    along = 2.0 * (dx * nx + dy * ny + dz * nz)
    rx, ry, rz = dx - along * nx, dy - along * ny, dz - along * nz
    lx, ly, lz = light[0] - x, light[1] - y, light[2] - z
    n = 1.0 / math.sqrt(lx * lx + ly * ly + lz * lz)
    shine = max(0.0, (rx * lx + ry * ly + rz * lz) * n) if lit else 0.0
    if objects[i, 10] == 0.0:
        return level * objects[i, 7], level * objects[i, 8], level * objects[i, 9]
    r, g, b = _mirrored(objects, i, x, y, z, rx, ry, rz, light)
    facing = 1.0 + 0.5 * along
    edge = 0.25 * facing * facing * facing
    spark = 1.6 * shine**40 + (0.3 if on_edge(objects, i, part, x, y, z) else 0.0)
    r = 0.25 * level * objects[i, 7] + r * (1.35 * objects[i, 7] + edge + 0.06) + spark
    g = 0.25 * level * objects[i, 8] + g * (1.35 * objects[i, 8] + edge + 0.06) + spark
    b = 0.25 * level * objects[i, 9] + b * (1.35 * objects[i, 9] + edge + 0.06) + spark
    return r, g, b


@inlined
def _plain(objects, x, y, z, dx, dy, dz, light, slack):
    """Return whether a ray and its surroundings meet bare ground outside of every shadow."""
    if dz > -1e-3:
        return False
    t = -z / dz
    gx, gy = x + t * dx, y + t * dy
    lx, ly, lz = light[0] - gx, light[1] - gy, light[2]
    n = 1.0 / (lx * lx + ly * ly + lz * lz)
    for i in range(len(objects)):
        reach = 1.7321 * objects[i, 4] + slack
        px, py, pz = objects[i, 1] - x, objects[i, 2] - y, objects[i, 3] - z
        b = px * dx + py * dy + pz * dz
        if px * px + py * py + pz * pz - b * b < reach * reach:
            return False
        px, py, pz = objects[i, 1] - gx, objects[i, 2] - gy, objects[i, 3]
        b = px * lx + py * ly + pz * lz
        if px * px + py * py + pz * pz - b * b * n < reach * reach:
            return False
    return True


@inlined
def _ground_level(objects, x, y, lit):
    """Return the brightness of a point of the ground."""
    level = 0.30 * _ground(objects, x, y) + (0.28 if lit else 0.0)
    return level / (1.0 + 0.006 * (x * x + y * y))


@inlined
def _ray(camera, u, v):
    """Return the direction of length 1 through a point of the picture, -1...1."""
    dx = camera[3, 0] + u * camera[1, 0] + v * camera[2, 0]
    dy = camera[3, 1] + u * camera[1, 1] + v * camera[2, 1]
    dz = camera[3, 2] + u * camera[1, 2] + v * camera[2, 2]
    n = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz)
    return dx * n, dy * n, dz * n


@inlined
def _trace(objects, camera, light, offset, u, v):
    """Return linear red, green and blue of one ray."""
    cx, cy, cz = camera[0, 0], camera[0, 1], camera[0, 2]
    dx, dy, dz = _ray(camera, u, v)
    t, which, part = _nearest(objects, cx, cy, cz, dx, dy, dz)
    x, y, z = cx + t * dx, cy + t * dy, cz + t * dz
    lit = _lit(objects, which, x, y, z, light, offset[0], offset[1], offset[2])
    if which >= 0:
        return _shade(objects, which, part, x, y, z, dx, dy, dz, light, lit)
    level = _ground_level(objects, x, y, lit)
    return level, level, level


@kernel
def render(objects, camera, light, offsets, num_sub, gamma, image):
    """Paint a picture. The camera must look down steeply enough to see the ground everywhere.

    A pixel that shows bare, lit ground takes one ray, any other ``num_sub**2``.

    Args:
        objects: [num_objects, 11], numpy.float64; see :mod:`.surfaces`.
        camera: [4, 3], numpy.float64; position, and right, up (each scaled to half the picture) and
            forward axes.
        light: [6], numpy.float64; position of the key light, direction of the second light on the
            ground plane, brightness.
        offsets: [any, 3], numpy.float64; displacements of the light, used in turn: all 0 gives a hard
            shadow.
        num_sub: rays of a pixel along one side.
        gamma: [levels], numpy.uint8; from linear light 0...1 to the value of a pixel.
        image: [size, size, 3], numpy.uint8; is written.
    """
    size, top = image.shape[0], len(gamma) - 1
    step = 2.0 / (size * num_sub)
    slack = 0.3 + 8.0 / size
    for row in range(size):
        for column in range(size):
            dx, dy, dz = _ray(camera, (2 * column + 1) / size - 1.0, 1.0 - (2 * row + 1) / size)
            if _plain(objects, camera[0, 0], camera[0, 1], camera[0, 2], dx, dy, dz, light, slack):
                t = -camera[0, 2] / dz
                red = _ground_level(objects, camera[0, 0] + t * dx, camera[0, 1] + t * dy, True)
                green = blue = red
            else:
                red = green = blue = 0.0
                for sub in range(num_sub * num_sub):
                    u = (column * num_sub + sub % num_sub + 0.5) * step - 1.0
                    v = 1.0 - (row * num_sub + sub // num_sub + 0.5) * step
                    offset = (sub + 3 * column + 5 * row) % len(offsets)
                    r, g, b = _trace(objects, camera, light, offsets[offset], u, v)
                    red, green, blue = red + r, green + g, blue + b
                n = 1.0 / (num_sub * num_sub)
                red, green, blue = red * n, green * n, blue * n
            image[row, column, 0] = gamma[int(top * min(1.0, red * light[5]))]
            image[row, column, 1] = gamma[int(top * min(1.0, green * light[5]))]
            image[row, column, 2] = gamma[int(top * min(1.0, blue * light[5]))]


@kernel
def count_pixels(objects, camera, size):
    """Count what can be seen of each object.

    Args:
        objects: [num_objects, 11], numpy.float64.
        camera: [4, 3], numpy.float64.
        size: side of the picture, pixels.

    Returns:
        [2, num_objects], numpy.int64: pixels where the object is in front, and pixels that it would
        have alone.
    """
    counts = np.zeros((2, len(objects)), np.int64)
    for row in range(size):
        for column in range(size):
            dx, dy, dz = _ray(camera, (2 * column + 1) / size - 1.0, 1.0 - (2 * row + 1) / size)
            best, which = FAR, -1
            for i in range(len(objects)):
                t = distance(objects, i, camera[0, 0], camera[0, 1], camera[0, 2], dx, dy, dz)[0]
                if t < FAR:
                    counts[1, i] += 1
                    if t < best:
                        best, which = t, i
            if which >= 0:
                counts[0, which] += 1
    return counts
