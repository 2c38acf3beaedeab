import dataclasses
import json
import math
import random
import sqlite3

import numpy as np
import pytest
import torch
from cheap_plan import CheapPlan, CheapStop

from tokencom.linklevel.draws import Draws
from tokencom.scenarios.engine import Results, run, run_folder
from tokencom.scenarios.engine.journal import NAME
from tokencom.scenarios.statistics import inverse_binomial

ERRORS = CheapStop(max_mc_iter=40, num_target_block_errors=30)


def _logged(path):
    """Return how many batches workers have run since the file was last emptied."""
    count = len(path.read_text().splitlines()) if path.exists() else 0
    path.unlink(missing_ok=True)
    return count


@pytest.fixture
def log(tmp_path):
    return tmp_path / "batches.txt"


@pytest.fixture
def plan(log):
    kinds = ({"name": "a", "log": [str(log)]}, {"name": "b", "error": 0.4, "log": [str(log)]})
    return CheapPlan(kinds=kinds, stop=ERRORS)


def test_results_have_a_value_and_an_interval_everywhere(tmp_path, pool, plan):
    results = run(plan, tmp_path / "run", executor=pool)
    assert results.value.shape == (2, 3, 7)
    accounting = ["channel_uses", "pilots", "side_information", "airtime"]
    assert [m.name for m in results.metrics] == ["ber", "bler", "goodput", *accounting]
    assert (results.low <= results.value).all()
    assert (results.value <= results.high).all()
    bler = results.curve("b", "bler", along="snr_db")
    assert bler.x.tolist() == [0.0, 5.0, 10.0]
    assert (np.diff(bler.value) < 0).all()
    assert set(results.stopped_by.ravel()) == {"num_target_block_errors"}


def test_estimates_are_those_of_inverse_sampling_in_batch_order(tmp_path, pool, plan):
    """The same sum done by hand, one batch after the other, in this process."""
    results = run(plan, tmp_path, executor=pool)
    point = plan.points()[2]
    task, link = point.scenario.build("b")
    errors = np.concatenate([
        task.score(payload, link(payload, 10.0, draws))["block_error"]
        for draws in (Draws(seed=1, point=point.hash, batch=i) for i in range(40))
        for payload in [task.batch(draws.batch, 16, draws)]
    ])
    total = int(np.flatnonzero(errors)[29]) + 1
    m = [metric.name for metric in results.metrics].index("bler")
    found = tuple(getattr(results, name)[1, 2, m] for name in ("value", "low", "high", "count", "total"))
    assert found == (*inverse_binomial(30, total), 30, total)
    assert results.num_items[1, 2] == total
    assert results.num_batches[1, 2] == -(-total // 16)


def test_number_of_workers_does_not_matter(tmp_path, pool, plan, same_arrays):
    two = run(plan, tmp_path / "two", executor=pool)
    same_arrays(two, run(plan, tmp_path / "one", workers=1, progress=False))
    same_arrays(two, run(plan, tmp_path / "inline", workers=0))


def test_nor_does_it_for_code_with_ambient_randomness(tmp_path, pool, same_arrays):
    plan = CheapPlan(kinds=({"name": "a", "trouble": "ambient"}, {"name": "b"}), stop=ERRORS)
    two = run(plan, tmp_path / "two", executor=pool)
    random.seed(3)
    torch.manual_seed(3)
    expected = random.Random(3).random(), float(torch.rand((), generator=torch.Generator().manual_seed(3)))
    same_arrays(two, run(plan, tmp_path / "inline", workers=0))
    assert (random.random(), float(torch.rand(()))) == expected  # and the caller's is left alone


def test_saved_results_are_those_returned(tmp_path, pool, plan, same_arrays):
    results = run(plan, tmp_path, executor=pool)
    loaded = Results.load(tmp_path)
    same_arrays(results, loaded)
    assert loaded.scenario == plan.model_dump_json()
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["results"][4]["scheme"] == "b"
    assert summary["results"][4]["metrics"]["bler"]["value"] == results.value[1, 1, 1]
    provenance = json.loads((tmp_path / "provenance.json").read_text())
    assert provenance["seed"] == 1
    assert provenance["gain_db"][0]["gain_db"] == -2.5
    assert {"torch", "sionna", "numpy", "tokencom"} <= provenance["versions"].keys()


def test_a_finished_run_is_not_run_again(tmp_path, pool, plan, log, same_arrays):
    first = run(plan, tmp_path / "run", executor=pool)
    assert _logged(log) > 0
    same_arrays(first, run(plan, tmp_path / "run", workers=1))
    assert _logged(log) == 0
    (tmp_path / "run" / "summary.json").unlink()  # then results are made again from the journal
    same_arrays(first, run(plan, tmp_path / "run", executor=pool))
    assert _logged(log) == 0
    run(plan, tmp_path / "run", executor=pool, resume=False)
    assert _logged(log) > 0


def test_a_new_point_changes_no_other_and_costs_only_itself(tmp_path, pool, plan, log, same_arrays):
    small = run(plan, tmp_path / "run", executor=pool)
    _logged(log)
    larger = dataclasses.replace(plan, snrs=(0.0, 2.5, 5.0, 10.0))
    grown = run(larger, tmp_path / "run", executor=pool)
    ran = _logged(log)
    assert 0 < ran <= 2 * (int(grown.num_batches[:, 1].max()) + 4)
    same_arrays(grown, run(larger, tmp_path / "afresh", executor=pool))
    for name in ("value", "low", "high", "count", "total"):
        assert getattr(grown, name)[:, [0, 2, 3]].tobytes() == getattr(small, name).tobytes()


def test_other_names_and_stop_rules_reuse_batches(tmp_path, pool, plan, log, same_arrays):
    run(plan, tmp_path / "run", executor=pool)
    _logged(log)
    renamed = tuple({**kind, "name": kind["name"] + "!"} for kind in plan.kinds)
    shorter = dataclasses.replace(plan, kinds=renamed, stop=CheapStop(max_mc_iter=2))
    found = run(shorter, tmp_path / "run", executor=pool)
    assert _logged(log) == 0
    same_arrays(found, run(shorter, tmp_path / "afresh", executor=pool))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"stop": CheapStop(batch_size=8, max_mc_iter=40, num_target_block_errors=30)},
        {"kinds": ({"name": "a", "error": 0.3}, {"name": "b", "error": 0.1})},
    ],
)
def test_what_numbers_depend_on_is_not_mixed(tmp_path, pool, plan, change, same_arrays):
    run(plan, tmp_path / "run", executor=pool)
    changed = dataclasses.replace(plan, **change)
    found = run(changed, tmp_path / "run", executor=pool)
    same_arrays(found, run(changed, tmp_path / "afresh", executor=pool))


def test_batches_run_ahead_are_kept_but_not_counted(tmp_path, pool, plan, log, same_arrays):
    plain = run(plan, tmp_path / "plain", executor=pool)
    # a journal with more batches than the rule needs: those of a longer run
    longer = dataclasses.replace(plan, stop=CheapStop(max_mc_iter=20))
    run(longer, tmp_path / "run", executor=pool)
    _logged(log)
    same_arrays(plain, run(plan, tmp_path / "run", executor=pool))
    assert _logged(log) == 0


def test_gaps_in_the_journal_are_filled(tmp_path, pool, plan, log, same_arrays):
    longer = dataclasses.replace(plan, stop=CheapStop(max_mc_iter=12))
    whole = run(longer, tmp_path / "run", executor=pool)
    _logged(log)
    with sqlite3.connect(tmp_path / "run" / NAME) as connection:
        gone = connection.execute("DELETE FROM batches WHERE batch IN (0, 3, 4, 9)").rowcount
    connection.close()
    (tmp_path / "run" / "results.h5").unlink()
    same_arrays(whole, run(longer, tmp_path / "run", executor=pool))
    assert _logged(log) == gone


def test_common_items_and_paired_differences(tmp_path, pool):
    from tokencom.scenarios.engine import compare_schemes, load_items

    kinds = ({"name": "a", "error": 0.2}, {"name": "b", "error": 0.25})
    plan = CheapPlan(kinds=kinds, stop=CheapStop(max_mc_iter=90, num_target_block_errors=200))
    results = run(plan, tmp_path, executor=pool)
    items = load_items(tmp_path, "a", 2)
    assert len(items["item"]) == results.num_items[0, 2] - 1
    assert items["item"].tolist() == list(range(len(items["item"])))
    differences = compare_schemes(plan, tmp_path, "b", "a", "ber")
    assert len(differences) == 3
    assert all(d.low > 0 for d in differences)  # b is worse: same fades, same noise
    with pytest.raises(ValueError, match="has no 'psnr'"):
        compare_schemes(plan, tmp_path, "b", "a", "psnr")


def test_data_set_tasks_see_all_items_once_and_have_reference_lines(tmp_path, pool):
    kinds = ({"name": "a", "task": "items"}, {"name": "bits"})
    stop = CheapStop(batch_size=8, max_mc_iter=1, num_target_block_errors=2)
    results = run(CheapPlan(kinds=kinds, stop=stop), tmp_path, executor=pool)
    assert results.num_items[0].tolist() == [20, 20, 20]
    assert results.stopped_by[0].tolist() == ["num_items"] * 3
    names = [metric.name for metric in results.metrics]
    assert names[-2:] == ["clean_score", "blind_score"]
    assert (results.curve("a", "clean_score", "snr_db").value == 10).all()
    assert (results.curve("a", "blind_score", "snr_db").value < 10).all()
    assert not results.has("bits", "score")
    assert np.isnan(results.curve("bits", "score", "snr_db").value).all()
    assert results.has("a", "right")


def test_relative_width(tmp_path, pool, same_arrays):
    plan = CheapPlan(stop=CheapStop(batch_size=64, max_mc_iter=200, target_relative_width=0.2))
    results = run(plan, tmp_path / "a", executor=pool)
    bler = results.curve("a", "bler", "snr_db")
    assert set(results.stopped_by.ravel()) == {"target_relative_width"}
    assert ((bler.high - bler.low) / bler.value <= 0.2).all()
    same_arrays(results, run(plan, tmp_path / "b", workers=0))


def test_a_scenario_without_a_sweep(tmp_path):
    results = run(CheapPlan(snrs=(), snr_db=4.0), tmp_path, workers=0)
    assert results.snr_db.tolist() == [[4.0], [4.0]]
    assert results.points == ({},)
    assert results.axes == {}
    assert Results.load(tmp_path).points == ({},)


def test_progress_is_reported(tmp_path, pool, plan):
    seen = []
    run(plan, tmp_path, executor=pool, progress=seen.append)
    assert seen[0].points_done == 0
    assert seen[-1].points_done == seen[-1].points_total == 6
    assert seen[-1].batches_left == 0
    assert seen[-1].errors >= 6 * 30
    assert math.isfinite(seen[-1].seconds_left)
    assert "scheme 'a' at snr_db=0.0" in seen[0].working_on


def test_default_folder():
    assert str(run_folder(CheapPlan(name="BER of a/b: 16-QAM"))) == "runs/BER_of_a_b_16-QAM"


def test_number_of_workers_is_checked(tmp_path):
    with pytest.raises(ValueError, match="workers: -1"):
        run(CheapPlan(), tmp_path, workers=-1)
