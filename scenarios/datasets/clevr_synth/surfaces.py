"""Where a ray meets a cube, a sphere or an upright cylinder, and how the surface stands there.

Objects are rows of a [num_objects, 11] array of float64: kind (0 cube, 1 sphere, 2 cylinder), x, y, z
of the centre, half the height, cosine and sine of the turn about the vertical, linear red, green and
blue, metal (0 or 1).
"""

import math

from .compilation import inlined

FAR = 1e9
"""Stands for no hit, scene units."""


@inlined
def _box(objects, i, ox, oy, oz, dx, dy, dz):
    """Return the distance to a cube, and which of its local axes was hit (with a sign)."""
    c, s, h = objects[i, 5], objects[i, 6], objects[i, 4]
    px, py, pz = ox - objects[i, 1], oy - objects[i, 2], oz - objects[i, 3]
    lx, ly, mx, my = c * px + s * py, c * py - s * px, c * dx + s * dy, c * dy - s * dx
    near, far, axis = -FAR, FAR, 0
    for k in range(3):
        p, d = (lx, mx) if k == 0 else ((ly, my) if k == 1 else (pz, dz))
        if abs(d) < 1e-12:
            if abs(p) > h:
                return FAR, 0
            continue
        a, b = (-h - p) / d, (h - p) / d
        if a > b:
            a, b = b, a
        if a > near:
            near, axis = a, (k + 1 if d < 0 else -k - 1)
        far = min(far, b)
    return (near, axis) if near <= far and near > 1e-4 else (FAR, 0)


@inlined
def _sphere(objects, i, ox, oy, oz, dx, dy, dz):
    """Return the distance to a sphere; the direction has length 1."""
    px, py, pz = ox - objects[i, 1], oy - objects[i, 2], oz - objects[i, 3]
    b = px * dx + py * dy + pz * dz
    q = b * b - (px * px + py * py + pz * pz - objects[i, 4] * objects[i, 4])
    if q < 0:
        return FAR
    t = -b - math.sqrt(q)
    return t if t > 1e-4 else FAR


@inlined
def _cylinder(objects, i, ox, oy, oz, dx, dy, dz):
    """Return the distance to a cylinder as wide as it is high, and 0 (side) or ±1 (caps)."""
    px, py, pz, h = ox - objects[i, 1], oy - objects[i, 2], oz - objects[i, 3], objects[i, 4]
    best, part = FAR, 0
    a = dx * dx + dy * dy
    if a > 1e-12:
        b = px * dx + py * dy
        q = b * b - a * (px * px + py * py - h * h)
        if q < 0:
            return FAR, 0
        t = (-b - math.sqrt(q)) / a
        if t > 1e-4 and abs(pz + t * dz) <= h:
            best = t
    if abs(dz) > 1e-12:
        side = 1 if dz < 0 else -1
        t = (side * h - pz) / dz
        x, y = px + t * dx, py + t * dy
        if 1e-4 < t < best and x * x + y * y <= h * h:
            best, part = t, side
    return best, part


@inlined
def distance(objects, i, ox, oy, oz, dx, dy, dz):
    """Return the distance to an object along a ray, and the part of its surface."""
    px, py, pz = ox - objects[i, 1], oy - objects[i, 2], oz - objects[i, 3]
    b = px * dx + py * dy + pz * dz
    reach = objects[i, 4] * (1.0 if objects[i, 0] == 1 else (1.7321 if objects[i, 0] == 0 else 1.4143))
    if px * px + py * py + pz * pz - b * b > reach * reach:
        return FAR, 0
    if objects[i, 0] == 0:
        return _box(objects, i, ox, oy, oz, dx, dy, dz)
    if objects[i, 0] == 1:
        return _sphere(objects, i, ox, oy, oz, dx, dy, dz), 0
    return _cylinder(objects, i, ox, oy, oz, dx, dy, dz)


@inlined
def normal(objects, i, part, x, y, z):
    """Return the outward normal at a point of an object's surface."""
    if objects[i, 0] == 0:
        sign = 1.0 if part > 0 else -1.0
        if abs(part) == 3:
            return 0.0, 0.0, sign
        if abs(part) == 2:
            return -objects[i, 6] * sign, objects[i, 5] * sign, 0.0
        return objects[i, 5] * sign, objects[i, 6] * sign, 0.0
    if objects[i, 0] == 2 and part != 0:
        return 0.0, 0.0, float(part)
    h = 1.0 / objects[i, 4]
    return (x - objects[i, 1]) * h, (y - objects[i, 2]) * h, ((z - objects[i, 3]) * h if objects[i, 0] == 1 else 0.0)


@inlined
def on_edge(objects, i, part, x, y, z):
    """Return whether a point lies at a bevelled edge of a cube or a cylinder."""
    if objects[i, 0] == 1:
        return False
    c, s, rim = objects[i, 5], objects[i, 6], 0.88 * objects[i, 4]
    px, py, pz = x - objects[i, 1], y - objects[i, 2], abs(z - objects[i, 3])
    if objects[i, 0] == 2:
        return pz > rim if part == 0 else px * px + py * py > rim * rim
    lx, ly = abs(c * px + s * py), abs(c * py - s * px)
    return (lx > rim) + (ly > rim) + (pz > rim) > 1
