"""Test pictures that need no files: smooth shading, edges and a little texture."""

import numpy as np

SHAPES = [(32, 32, 1), (32, 32, 3), (47, 33, 3), (64, 96, 1), (128, 128, 3)]


def picture(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """Return an image [height, width, channels], uint8."""
    height, width, channels = shape
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    planes = []
    for _ in range(channels):
        a, b, c, d = rng.uniform(0.5, 4.0, 4)
        plane = 120 + 60 * np.sin(6 * (a * x + b * y)) + 40 * ((c * x - d * y) % 1.0 > 0.5)
        planes.append(plane + rng.normal(0, 3, plane.shape))
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Return the PSNR in dB, infinite for equal images."""
    mse = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return float("inf") if mse == 0 else float(10 * np.log10(255**2 / mse))
