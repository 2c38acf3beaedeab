"""Random networks and images that the reference implementations were given too."""

import json
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch

REFERENCE = Path(__file__).with_name("reference_features.json")


def draw_tensor(name, shape):
    """A tensor of a network's state by its name: the same whoever asks, so that two networks get the same weights."""
    rng = np.random.default_rng(crc32(name.encode()))
    if name.endswith(("running_var", "bn.weight")):
        values = rng.uniform(0.5, 1.5, shape)
    elif len(shape) > 1:
        values = rng.normal(size=shape) * np.sqrt(2.0 / np.prod(shape[1:]))
    else:
        values = 0.1 * rng.normal(size=shape)
    return torch.from_numpy(np.asarray(values, np.float32))


def draw_images(count, height, width, seed):
    """Images of some smooth colours and some noise, [count, height, width, 3], numpy.uint8."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / 8.0
    waves = [np.sin(rng.normal() * rows + rng.normal() * columns + rng.normal()) for _ in range(3 * count)]
    smooth = np.stack(waves).reshape(count, 3, height, width).transpose(0, 2, 3, 1)
    return np.clip(128 + 80 * smooth + rng.normal(0, 20, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def reference():
    return json.loads(REFERENCE.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def draw():
    return draw_tensor


@pytest.fixture(scope="session")
def pictures():
    return draw_images
