import itertools
from types import MappingProxyType

import numpy as np
import pytest
from cheap_plan import CheapStop

from tokencom.scenarios.engine.errors import RunError
from tokencom.scenarios.engine.journal import Tally
from tokencom.scenarios.engine.messages import Description
from tokencom.scenarios.engine.stop import Reader
from tokencom.scenarios.tasks.bits import METRICS

BITS = Description(
    metrics=MappingProxyType({name: (metric, "") for name, metric in METRICS.items()}),
    num_items=None, error_column="block_error", stop_metric="bler", gain_db=None,
)
ERRORS = [[0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1], [1, 1, 1, 1]]


def _load(start, stop):
    return [{"block_error": np.array(errors)} for errors in ERRORS[start:stop]]


def _tallies():
    return {i: Tally(4, sum(errors), 0.0, 0.1) for i, errors in enumerate(ERRORS)}


def _reader(**stop):
    return Reader(CheapStop(batch_size=4, **stop), BITS, _load)


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::7])
def test_order_of_arrival_does_not_matter(order):
    reader, finished, tallies = _reader(num_target_block_errors=3), {}, _tallies()
    for index in order:
        finished[index] = tallies[index]
        reader.advance(finished)
    assert (reader.read, reader.stopped_by) == (3, "num_target_block_errors")
    assert reader.counted()["block_error"].tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1]


@pytest.mark.parametrize(("target", "batches", "items"), [(1, 1, 2), (2, 3, 9), (3, 3, 11), (4, 4, 16), (8, 5, 20)])
def test_inverse_sampling_ends_with_the_item_of_the_target_error(target, batches, items):
    reader = _reader(num_target_block_errors=target)
    reader.advance(_tallies())
    assert reader.read == batches
    column = reader.counted()["block_error"]
    assert (len(column), column.sum(), column[-1]) == (items, target, 1)


def test_too_few_errors_end_at_the_last_batch_and_count_whole():
    reader = _reader(num_target_block_errors=100, max_mc_iter=5)
    reader.advance(_tallies())
    assert reader.stopped_by == "max_mc_iter"
    assert len(reader.counted()["block_error"]) == 20


def test_expected_batches():
    reader, tallies = _reader(num_target_block_errors=10, max_mc_iter=50), _tallies()
    assert (reader.expected(), reader.worthwhile()) == (50, 1)
    reader.advance({0: tallies[0]})
    assert (reader.expected(), reader.worthwhile()) == (9, 1)  # one error in one batch: nine more to go
    reader.advance({i: tallies[i] for i in (1, 2, 3)})
    assert (reader.expected(), reader.worthwhile()) == (6, 4)  # four errors in four batches
    reader.advance({4: tallies[4]})
    assert reader.expected() == 2  # eight in five: two more errors are due in two batches


def test_fixed_number_of_batches_is_dealt_at_once():
    reader = _reader(max_mc_iter=50)
    assert reader.worthwhile() == 50
    reader.advance(_tallies())
    assert reader.worthwhile() == 45


def test_data_sets_ignore_errors():
    description = Description(BITS.metrics, 18, "block_error", "bler", None)
    reader = Reader(CheapStop(batch_size=4, max_mc_iter=2, num_target_block_errors=2), description, _load)
    reader.advance(_tallies())
    assert (reader.read, reader.stopped_by) == (5, "num_items")


@pytest.mark.parametrize(
    ("stop", "items", "message"),
    [
        ({"num_target_block_errors": 5}, None, "counts no block errors"),
        ({"target_relative_width": 0.1}, None, "names no metric"),
        ({}, 0, "has no items"),
    ],
)
def test_rules_that_a_task_cannot_follow(stop, items, message):
    description = Description({}, items, None, None, None)
    with pytest.raises(RunError, match=message):
        Reader(CheapStop(**stop), description, _load)
