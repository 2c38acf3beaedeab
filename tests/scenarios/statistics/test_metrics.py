import math
import pickle

import numpy as np
import pytest

from tokencom.scenarios.statistics import (
    MeanMetric,
    RateMetric,
    RatioMetric,
    SumMetric,
    clopper_pearson,
    inverse_binomial,
    wilson,
)

BLER = RateMetric(name="bler", column="block_error", scale="log", better="low")
BER = RatioMetric(name="ber", numerator="bit_errors", denominator="num_bits", scale="log", better="low")
PSNR = MeanMetric(name="psnr", column="psnr", unit="dB")


def _columns(errors, bits=100):
    errors = np.array(errors)
    return {"bit_errors": errors, "num_bits": np.full(len(errors), bits), "block_error": errors > 0}


def test_rate():
    found = BLER.estimate(_columns([0, 3, 0, 0]))
    assert (found.value, found.count, found.total) == (0.25, 1, 4)
    assert (found.low, found.high) == clopper_pearson(1, 4)
    other = RateMetric(name="bler", column="block_error", method="wilson").estimate(_columns([0, 3, 0, 0]))
    assert (other.low, other.high) == wilson(1, 4)


def test_error_count_stopping_leaves_out_the_last_item():
    columns = _columns([0, 3, 0, 0, 5, 0, 2])
    found = BLER.estimate(columns, stopped_by_errors=True)
    assert (found.value, found.low, found.high) == inverse_binomial(3, 7)
    assert (found.count, found.total) == (3, 7)
    assert BER.estimate(columns, stopped_by_errors=True).value == pytest.approx(8 / 600)


def test_rate_of_another_outcome_when_stopped_by_errors():
    columns = {"undetected": np.array([0, 0, 1, 0])}
    found = RateMetric(name="undetected", column="undetected").estimate(columns, stopped_by_errors=True)
    assert found.value == 1 / 3
    assert (found.low, found.high) == clopper_pearson(1, 3)


def test_rate_with_clusters():
    columns = {"right": np.tile([1, 0], 50), "cluster": np.repeat(np.arange(20), 5)}
    metric = RateMetric(name="right", column="right")
    found = metric.estimate(columns)
    assert found.low < 0.5 < found.high
    none = metric.estimate({**columns, "right": np.zeros(100)})
    assert (none.low, none.high) == clopper_pearson(0, 20)  # 20 images, not 100 questions
    full = metric.estimate({**columns, "right": np.ones(100)})
    assert (full.low, full.high) == clopper_pearson(20, 20)


def test_zero_errors_show_an_upper_bound():
    for metric in (BLER, BER):
        found = metric.estimate(_columns([0] * 50))
        assert found.value == found.low == 0
        assert 0 < found.high < 0.1


def test_nothing_simulated_is_nan():
    for metric in (BLER, BER, PSNR):
        columns = {name: np.zeros(0) for name in ("block_error", "bit_errors", "num_bits", "psnr")}
        assert math.isnan(metric.estimate(columns).value)


def test_goodput():
    metric = RatioMetric(
        name="goodput", numerator="delivered_bits", denominator="channel_uses", worst="num_bits"
    )
    columns = {"delivered_bits": [0, 0, 0], "channel_uses": [50] * 3, "num_bits": [100] * 3}
    found = metric.estimate({name: np.array(column) for name, column in columns.items()})
    assert found.value == 0
    assert found.high == pytest.approx(2 * clopper_pearson(0, 3)[1])


def test_mean_counts_its_sum():
    found = PSNR.estimate({"psnr": np.array([30.0, 32.0, 34.0])})
    assert (found.value, found.count, found.total) == (32.0, 96.0, 3.0)
    assert found.low < 32 < found.high


def _norm(sums):
    return np.sqrt(sums[..., 0]) / sums[..., 1]


def test_function_of_sums():
    metric = SumMetric(name="norm", columns=("x", "y"), function=_norm)
    columns = {"x": np.arange(1, 101.0), "y": np.ones(100)}
    found = pickle.loads(pickle.dumps(metric)).estimate(columns)
    assert found.value == pytest.approx(math.sqrt(5050) / 100)
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("metric", "columns", "message"),
    [
        (BLER, {"x": np.zeros(3)}, "'block_error' is missing; there are: x"),
        (BLER, {"block_error": np.array([0, 2])}, "must be 0 or 1"),
        (PSNR, {"psnr": np.array([1.0, np.inf])}, "1 values that are NaN or infinite"),
    ],
)
def test_bad_columns(metric, columns, message):
    with pytest.raises(ValueError, match=message):
        metric.estimate(columns)
