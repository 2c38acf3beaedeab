"""Results made up for figures."""

import json

import numpy as np
import pytest

from tokencom.scenarios.engine.results import MetricInfo, Results

BER = MetricInfo("ber", "", "log", "low")
PSNR = MetricInfo("psnr", "dB", "linear", "high")


@pytest.fixture
def make_results():
    """Return a builder: ``value(scheme, point, metric) -> (value, low, high, count, total)``."""

    def build(schemes=("A", "B"), points=({"snr_db": 0.0}, {"snr_db": 5.0}, {"snr_db": 10.0}), metrics=(BER,),
              value=None, scenario=None):
        shape = (len(schemes), len(points), len(metrics))
        arrays = {name: np.full(shape, np.nan) for name in ("value", "low", "high", "count", "total")}
        for at in np.ndindex(*shape):
            found = value(schemes[at[0]], points[at[1]], metrics[at[2]].name) if value else default(*at)
            for name, number in zip(arrays, found, strict=True):
                arrays[name][at] = number
        data = {"name": "made up", "seed": 7, **(scenario or {})}
        return Results(
            name="made up", schemes=tuple(schemes), points=tuple(points), metrics=tuple(metrics),
            snr_db=np.zeros(shape[:2]), num_batches=np.ones(shape[:2], np.int64),
            num_items=np.full(shape[:2], 1000), stopped_by=np.full(shape[:2], "max_mc_iter", dtype=object),
            scenario=json.dumps(data), fingerprint="f00d", **arrays,
        )

    return build


def default(scheme, point, metric):
    rate = 0.2 * 10.0 ** (-point - 0.3 * scheme) + 0.01 * metric
    return rate, 0.8 * rate, 1.2 * rate, round(1000 * rate), 1000
