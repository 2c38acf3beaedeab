from dataclasses import dataclass

import numpy as np
import pytest
import torch

from tokencom.linklevel.draws import Draws
from tokencom.scenarios.tasks import BitsTask


@dataclass
class Reception:
    payload: torch.Tensor
    ok: torch.Tensor


def test_payload_is_the_same_at_every_point_and_for_every_scheme():
    task = BitsTask(num_bits=50)
    first = task.batch(3, 8, Draws(seed=1, point=5, batch=3))
    assert first.shape == (8, 50)
    assert torch.equal(first, task.batch(3, 8, Draws(seed=1, point=6, batch=3)))
    assert not torch.equal(first, task.batch(4, 8, Draws(seed=1, point=5, batch=4)))
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert task.num_items is None


def test_score_counts():
    task = BitsTask(num_bits=10)
    sent = torch.zeros(4, 10)
    received = sent.clone()
    received[1, :3] = 1
    received[2, 0] = 1
    ok = torch.tensor([True, False, True, False])  # found, missed, and a false alarm
    columns = task.score(sent, Reception(received, ok))
    assert columns["bit_errors"].tolist() == [0, 3, 1, 0]
    assert columns["block_error"].tolist() == [0, 1, 1, 0]
    assert columns["num_bits"].tolist() == [10] * 4
    assert columns["delivered_bits"].tolist() == [10, 0, 0, 0]


def test_metrics_read_its_columns():
    task = BitsTask(num_bits=10)
    columns = task.score(torch.zeros(4, 10), Reception(torch.zeros(4, 10), torch.ones(4, dtype=torch.bool)))
    columns["channel_uses"] = np.full(4, 5)
    found = {name: metric.estimate(columns) for name, metric in task.metrics.items()}
    assert found["ber"].value == found["bler"].value == 0
    assert found["goodput"].value == 2.0
    assert task.stop_metric in task.metrics


def test_bad_input():
    with pytest.raises(ValueError, match="num_bits"):
        BitsTask(num_bits=0)
    with pytest.raises(ValueError, match=r"reception\.payload"):
        BitsTask(num_bits=4).score(torch.zeros(2, 4), Reception(torch.zeros(2, 3), torch.ones(2)))


def test_no_reference_lines():
    with pytest.raises(ValueError, match="'clean' is not a reference line of task 'bits'"):
        BitsTask(num_bits=4).reference("clean", torch.zeros(1, 4), None, 0.0)
