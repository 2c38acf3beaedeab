"""Every random number of a training step, from the seed, the stage and the step alone."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from ...linklevel.draws import Draws

ORDER, SNR, DRAWS, AMBIENT, START = range(5)
"""First element of the spawn key of each use."""


def stage_hash(name: str) -> int:
    """Return a 64-bit hash of a stage's name, so that a stage inserted before it changes no draw."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def _seed(seed: int, *key: int) -> int:
    return int(np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)[0])


class StepDraws(Draws):
    """The fades, noise and other draws of one step, for links and bridges.

    They depend on the training's seed, the stage's name, the step and the part of the batch, and on
    nothing that happened before; ``batch`` is the number of the part.

    Example:
        >>> a, b = StepDraws.of(1, "codec", 5), StepDraws.of(1, "codec", 5)
        >>> a.seed_of("noise") == b.seed_of("noise"), a.seed_of("noise") == StepDraws.of(1, "codec", 6).seed_of("noise")
        (True, False)
    """

    @classmethod
    def of(cls, seed: int, stage: str, step: int, part: int = 0) -> "StepDraws":
        """Return the draws of part ``part`` of the batch of a step."""
        return cls(seed=_seed(seed, DRAWS, stage_hash(stage), step), batch=part)


def draw_snr_db(seed: int, stage: str, step: int, bounds: tuple[float, float], batch_size: int) -> torch.Tensor:
    """Draw the SNR of each item of a step uniformly.

    Args:
        seed: of the training.
        stage: name of the stage.
        step: from 0.
        bounds: of the interval, dB.
        batch_size: items over all processes.

    Returns:
        [batch_size], torch.float32, dB.
    """
    generator = np.random.default_rng(_seed(seed, SNR, stage_hash(stage), step))
    return torch.from_numpy(generator.uniform(*bounds, size=batch_size).astype(np.float32))


@contextmanager
def ambient_generators() -> Iterator[None]:
    """Put the process-wide generators of torch, NumPy and Python back at the end."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def set_ambient(seed: int, stage: str, step: int, process: int = 0) -> None:
    """Set the process-wide generators, which dropout draws from, to what a step begins with.

    Since every step begins so, a resumed training has the generators it would have had.

    Args:
        seed: of the training.
        stage: name of the stage.
        step: from 0.
        process: rank of the process.
    """
    value = _seed(seed, AMBIENT, stage_hash(stage), step, process)
    torch.manual_seed(value >> 1)
    np.random.seed(value & 0xFFFFFFFF)  # noqa: NPY002
    random.seed(value)


def start_seed(seed: int, stage: str) -> int:
    """Return the seed of what is initialised when a stage starts."""
    return _seed(seed, START, stage_hash(stage)) >> 1
