import json

import h5py
import numpy as np
import pytest

from tokencom.scenarios.engine import MetricInfo, Results
from tokencom.scenarios.engine.summary import summary

POINTS = tuple(
    {"snr_db": snr, "air.channel.model": model, "task.num_bits": bits, "schemes.0.link.mcs": mcs}
    for model in ("A", "C") for snr in (0.0, 6.0) for bits, mcs in ((100, [[0.5, 2]]), (200, [[0.5, 4]]))
)


@pytest.fixture
def results():
    shape = (2, len(POINTS), 2)
    value = np.arange(np.prod(shape), dtype=float).reshape(shape) / 100
    value[1, :, 1] = np.nan
    table = np.zeros(shape[:2])
    return Results(
        name="four axes", schemes=("one", "Rémy's"), points=POINTS,
        metrics=(MetricInfo("bler", "", "log", "low"), MetricInfo("psnr", "dB", "linear", "high")),
        value=value, low=value - 0.001, high=value + 0.001, count=value * 1000,
        total=np.where(np.isnan(value), np.nan, 1000.0),
        snr_db=table + 3, num_batches=table.astype(int) + 7, num_items=table.astype(int) + 70,
        stopped_by=np.full(shape[:2], "max_mc_iter", dtype=object), fingerprint="abc",
        units=np.full(shape[:2], "0123", dtype=object),
    )


def test_axes_and_curves(results):
    assert list(results.axes) == ["snr_db", "air.channel.model", "task.num_bits", "schemes.0.link.mcs"]
    assert results.axes["air.channel.model"] == ["A", "C"]
    where = {"air.channel.model": "C", "task.num_bits": 200}
    curve = results.curve("one", "bler", "snr_db", where)
    assert curve.x.tolist() == [0.0, 6.0]
    assert curve.value.tolist() == results.value[0, [5, 7], 0].tolist()
    assert results.has("one", "psnr")
    assert not results.has("Rémy's", "psnr")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: r.curve("two", "bler", "snr_db"), "scheme: 'two' is not in the results; there are: 'one'"),
        (lambda r: r.curve("one", "ber", "snr_db"), "metric: 'ber' is not in the results"),
        (lambda r: r.curve("one", "bler", "speed"), "along: 'speed' is not in the results"),
        (lambda r: r.curve("one", "bler", "snr_db"), "leaves air.channel.model, task.num_bits, .* open"),
        (lambda r: r.select({"snr_db": 3}), "snr_db: 3 is not in the results; there are: 0.0, 6.0"),
        (lambda r: r.metric("ms_ssim"), "there are: 'bler', 'psnr'"),
    ],
)
def test_names_that_are_not_there(results, call, message):
    with pytest.raises(ValueError, match=message):
        call(results)


def test_round_trip(results, tmp_path, same_arrays):
    path = tmp_path / "results.h5"
    results.save(path)
    loaded = Results.load(path)
    same_arrays(results, loaded)
    assert loaded.points == POINTS
    assert list(loaded.points[0]) == list(POINTS[0])
    assert (loaded.name, loaded.level, loaded.fingerprint) == ("four axes", 0.95, "abc")
    assert loaded.units.tolist() == results.units.tolist()
    assert list(tmp_path.iterdir()) == [path]


def test_units_are_attributes_and_dimensions_are_named(results, tmp_path):
    results.save(tmp_path / "results.h5")
    with h5py.File(tmp_path / "results.h5") as file:
        assert list(file["metric"].attrs["unit"]) == ["", "dB"]
        assert [dimension.label for dimension in file["value"].dims] == ["scheme", "point", "metric"]
        assert file["point/snr_db"].attrs["unit"] == "dB"
        assert file["point/task.num_bits"][:].dtype == np.int64
        assert file["snr_db"].attrs["unit"] == "dB"


def test_the_same_results_give_the_same_file(results, tmp_path):
    for name in ("a.h5", "b.h5"):
        results.save(tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_summary_is_strict_json(results):
    text = json.dumps(summary(results), allow_nan=False)
    record = json.loads(text)["results"][8]
    assert record["scheme"] == "Rémy's"
    assert list(record["metrics"]) == ["bler"]  # the other does not apply
    assert record["metrics"]["bler"]["total"] == 1000
