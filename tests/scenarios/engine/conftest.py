import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # workers, too, import cheap_plan by this name

PRELOAD = ("torch", "numba", "scipy.linalg", "tokencom.scenarios.engine.worker")


@pytest.fixture(scope="session")
def pool():
    """Two worker processes for all tests of this folder."""
    from tokencom.scenarios.engine import process_pool

    with process_pool(2, PRELOAD) as executor:
        yield executor


@pytest.fixture(scope="session")
def same_arrays():
    """Return the check that two results have the same arrays, bit for bit."""
    names = ("value", "low", "high", "count", "total", "snr_db", "num_batches", "num_items")

    def check(a, b):
        assert a.schemes == b.schemes
        assert a.metrics == b.metrics
        assert a.points == b.points
        for name in names:
            assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name
        assert a.stopped_by.tolist() == b.stopped_by.tolist()

    return check
