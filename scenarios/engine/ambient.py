"""A safety net for code that draws from generators of the whole process.

This package passes its randomness in. A user's own link or task may not: it may call
``torch.randn``, a Sionna channel or ``numpy.random``. What such code draws must not depend on which
worker runs a batch, or after which other batch.
"""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache

import numpy as np
import torch

from ...linklevel.draws import Draws, seeded_sionna

INDEX = 2**32 - 1
"""Sub-draw of the receiver's stream that nothing else uses."""


@cache
def _spare() -> np.random.MT19937:
    """Return numpy's generator during batches; the one that the process had meanwhile keeps its state."""
    return np.random.MT19937()


@contextmanager
def settled(draws: Draws) -> Iterator[None]:
    """Start every process-wide generator where this batch's draws say, and put it back afterwards."""
    seed = draws.seed_of("receiver", INDEX)
    python, legacy = random.getstate(), np.random.get_bit_generator()  # type: ignore[attr-defined]
    random.seed(seed)
    # Another generator takes a tenth of the time that copying the state does.
    np.random.set_bit_generator(_spare())  # type: ignore[attr-defined]
    np.random.seed(seed % 2**32)  # noqa: NPY002
    sionna = seeded_sionna(seed) if "sionna.phy" in sys.modules else nullcontext()
    try:
        with torch.random.fork_rng(devices=[]), sionna:
            torch.default_generator.manual_seed(seed)  # torch.manual_seed also formats a stack trace: 0.5 ms
            if torch.cuda.is_initialized():
                torch.cuda.manual_seed_all(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_bit_generator(legacy)  # type: ignore[attr-defined]
