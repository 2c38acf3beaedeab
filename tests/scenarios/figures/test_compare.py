"""Comparisons: paired where items are common, two-sample elsewhere."""

import dataclasses
import math
import shutil

import numpy as np
import pytest

from tokencom.scenarios.engine.columns import pack
from tokencom.scenarios.engine.errors import RunError
from tokencom.scenarios.engine.journal import NAME, Journal
from tokencom.scenarios.engine.results import MetricInfo
from tokencom.scenarios.figures import compare
from tokencom.scenarios.schema.scenario import Scenario
from tokencom.scenarios.statistics.paired import paired_difference
from tokencom.scenarios.tasks.bits import METRICS

BLER = MetricInfo("bler", "", "log", "low")
ITEMS = 400


def scenario(schemes, seed=1, num_bits=10, batch_size=ITEMS):
    link = {"type": "digital", "code": "uncoded", "num_bits_per_symbol": 2, "crc": None}
    return Scenario.model_validate({
        "name": "toy", "seed": seed, "task": {"type": "bits", "num_bits": num_bits}, "air": {"type": "flat"},
        "schemes": [{"name": name, "type": "digital", "link": link} for name in schemes],
        "sweep": {"snr_db": [0, 5]}, "stop": {"batch_size": batch_size, "max_mc_iter": 1},
    })


@pytest.fixture
def make_run(make_results, tmp_path):
    """Return a builder of run folders in which blocks fail at given rates, hard blocks first."""

    def build(name, rates, **options):
        folder, plan = tmp_path / name, scenario(list(rates), **options)
        hardness = np.random.default_rng(0).uniform(size=ITEMS)
        item = np.arange(ITEMS)
        columns = {s: {"item": item, "block_error": (hardness < r).astype(int)} for s, r in rates.items()}
        with Journal(folder) as journal:
            for scheme, own in columns.items():
                journal.append([(scheme, 0, scheme, f"{0:016x}", 0.0, ITEMS, 0, 0.1, pack(own))])

        def value(scheme, point, metric):
            found = METRICS["bler"].estimate(columns[scheme])
            return found.value, found.low, found.high, found.count, found.total

        points = ({"snr_db": 0.0}, {"snr_db": 5.0})
        results = make_results(schemes=tuple(rates), points=points, metrics=(BLER,), value=value)
        units = np.array([[scheme] * 2 for scheme in rates], dtype=object)
        results = dataclasses.replace(
            results, scenario=plan.model_dump_json(), units=units, num_items=np.full((len(rates), 2), ITEMS)
        )
        results.save(folder / "results.h5")
        return folder, columns

    return build


def test_schemes_of_one_run_are_paired_with_its_first(make_run):
    folder, columns = make_run("run", {"A": 0.30, "B": 0.25, "C": 0.30})
    found = compare([folder])
    assert found.pairs == (("A", "B"), ("A", "C"))
    assert found.notes == ()
    expected = paired_difference(METRICS["bler"], columns["B"], columns["A"])
    row = found.rows[0]
    assert (row.difference, row.low, row.high, row.num_items) == dataclasses.astuple(expected)
    assert row.method == "paired"
    assert row.verdict == "better"  # on common items, though the intervals of the two overlap
    assert found.rows[2].verdict == "undecided"
    assert [r.point["snr_db"] for r in found.rows] == [0.0, 5.0] * 2


def test_runs_of_the_same_seed_are_paired_and_others_are_two_samples(make_run):
    first, _ = make_run("first", {"A": 0.30})
    same, _ = make_run("same", {"A": 0.25})
    other, _ = make_run("other", {"A": 0.25}, seed=2)
    paired, sampled = compare([first, same]).rows[0], compare([first, other]).rows[0]
    assert (paired.method, sampled.method) == ("paired", "two-sample")
    assert paired.difference == pytest.approx(sampled.difference)
    assert paired.high - paired.low < 0.6 * (sampled.high - sampled.low)
    assert "seed or batch_size" in compare([first, other]).notes[0]
    assert "different tasks" in compare([first, make_run("task", {"A": 0.2}, num_bits=12)[0]]).notes[0]


def test_two_sample_interval_is_zou_and_donners(make_run):
    first, _ = make_run("first", {"A": 0.30})
    other, _ = make_run("other", {"A": 0.25}, seed=2)
    (row, _) = compare([first, other]).rows
    hard = np.random.default_rng(0).uniform(size=ITEMS)
    a, b = (METRICS["bler"].estimate({"block_error": (hard < r).astype(int)}) for r in (0.30, 0.25))
    assert row.low == pytest.approx(row.difference - math.hypot(b.value - b.low, a.high - a.value))
    assert row.high == pytest.approx(row.difference + math.hypot(b.high - b.value, a.value - a.low))


def test_missing_journal_is_told_and_not_made(make_run):
    folder, _ = make_run("run", {"A": 0.3, "B": 0.1})
    (folder / NAME).unlink()
    found = compare([folder])
    assert {row.method for row in found.rows} == {"two-sample"}
    assert NAME in found.notes[0]
    assert not (folder / NAME).exists()


def test_names_that_differ_are_compared_with_the_first_scheme(make_run):
    first, _ = make_run("first", {"A": 0.3, "B": 0.2})
    other, _ = make_run("other", {"C": 0.1})
    assert compare([first, other]).pairs == (("first: A", "other: C"),)


def test_tables_and_plot(make_run, tmp_path):
    folder, _ = make_run("run", {"A": 0.30, "B": 0.25})
    found = compare([folder])
    (table,) = found.tables()
    assert table.title == "Block error rate: B minus A"
    assert [len(row) for row in table.rows] == [len(table.header)] * 2
    assert table.rows[0][0] == "Es/N0 (dB) = 0"
    assert float(table.rows[0][3]) == pytest.approx(found.rows[0].difference, rel=0.01)
    assert table.rows[0][-1] == "better"
    image = found.plot(tmp_path / "difference.png").read_bytes()
    assert image.startswith(b"\x89PNG")
    assert image == found.plot(tmp_path / "again.png").read_bytes()
    made = found.as_results()
    np.testing.assert_array_equal(made.value[0, :, 0], [row.difference for row in found.rows])


def test_what_cannot_be_compared_is_named(make_run, tmp_path):
    with pytest.raises(ValueError, match="folders: none"):
        compare([])
    alone, _ = make_run("alone", {"A": 0.3})
    with pytest.raises(ValueError, match="nothing to compare"):
        compare([alone])
    with pytest.raises(ValueError, match=r"level: 0\.9"):
        compare([alone, alone], level=0.9)
    with pytest.raises(RunError, match="no results"):
        compare([alone, tmp_path / "nowhere"])
    copy = tmp_path / "copy"
    shutil.copytree(alone, copy)
    assert all(row.difference == 0 for row in compare([alone, copy]).rows)
