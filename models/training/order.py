"""Which items a step trains on: a pure function of the seed and the step."""

from functools import lru_cache

import numpy as np

from ...linklevel.validation import check_range
from .randomness import ORDER, stage_hash


def item_order(seed: int, stage: str, step: int, batch_size: int, num_items: int | None) -> np.ndarray:
    """Return the items of a step.

    Every epoch is one permutation of all items; a step may hold the end of one epoch and the
    beginning of the next.

    Args:
        seed: of the training.
        stage: name of the stage.
        step: from 0.
        batch_size: items of a step.
        num_items: in the data set; `None` for a source without end, whose items are counted.

    Returns:
        [batch_size], numpy.int64.

    Example:
        >>> first, second = (item_order(1, "codec", step, 4, 6) for step in (0, 1))
        >>> sorted([*first, *second[:2]]) == list(range(6))
        True
    """
    places = np.arange(step * batch_size, (step + 1) * batch_size, dtype=np.int64)
    if num_items is None:
        return places
    check_range("num_items", num_items, 1, integer=True)
    epochs, within = np.divmod(places, num_items)
    items = np.empty_like(places)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        items[here] = permutation(seed, stage, int(epoch), num_items)[within[here]]
    return items


@lru_cache(maxsize=4)
def permutation(seed: int, stage: str, epoch: int, num_items: int) -> np.ndarray:
    """Return the order of all items in an epoch, [num_items], numpy.int64."""
    sequence = np.random.SeedSequence(seed, spawn_key=(ORDER, stage_hash(stage), epoch))
    return np.random.default_rng(sequence).permutation(num_items)
