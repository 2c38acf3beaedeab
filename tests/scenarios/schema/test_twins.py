"""Every ``ber/*.yaml`` and its Python program give the same numbers."""

import dataclasses
import importlib

import numpy as np
import pytest

from tokencom.scenarios import load_scenario, run, shipped
from tokencom.scenarios.schema import Stop

NAMES = [name for name in shipped() if name.startswith("ber/")]


def program_of(name):
    return importlib.import_module(f"tokencom.scenarios.{name.replace('/', '.')}").PROGRAM


def test_there_are_five():
    assert len(NAMES) == 5


@pytest.mark.parametrize("name", NAMES)
def test_they_describe_the_same_run(name):
    scenario, program = load_scenario(name), program_of(name)
    assert program.name == scenario.name
    assert program.stop == scenario.stop
    assert program.seed == scenario.seed
    assert [scheme.name for scheme in program.schemes] == [scheme.name for scheme in scenario.schemes]
    assert [dict(point.values) for point in program.points()] == [
        dict(point.values) for point in scenario.points()
    ]
    assert [point.hash for point in program.points()] == [point.hash for point in scenario.points()]


@pytest.mark.parametrize("name", NAMES)
def test_they_give_the_same_numbers(name, tmp_path):
    ((axis, values),) = load_scenario(name).sweep.items()
    kept = [values[len(values) // 2]]
    changes = [
        "stop={batch_size: 2, max_mc_iter: 3, num_target_block_errors: 3}",
        f"sweep.{axis}={kept}",
        "seed=5",
    ]
    scenario = load_scenario(name, changes)
    stop = Stop(batch_size=2, max_mc_iter=3, num_target_block_errors=3)
    program = dataclasses.replace(program_of(name), stop=stop, seed=5, sweep={axis: kept})
    file = run(scenario, tmp_path / "file", workers=0, progress=False)
    code = run(program, tmp_path / "code", workers=0, progress=False)
    assert file.schemes == code.schemes
    assert file.metrics == code.metrics
    for array in ("value", "low", "high", "count", "total", "snr_db", "num_batches", "num_items"):
        np.testing.assert_array_equal(getattr(file, array), getattr(code, array), err_msg=array)
    assert np.isfinite(file.snr_db).all()
    assert (file.num_items > 0).all()
