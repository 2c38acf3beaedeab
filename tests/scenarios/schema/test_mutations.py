"""Whatever a file holds, it is a valid scenario or gets a message; never a traceback."""

import pytest
from hypothesis import HealthCheck, given, settings
from tokencom.scenarios.schema import Scenario, ScenarioError, load_scenario

from .mutations import damaged_files

SETTINGS = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


def _check(path, raw):
    path.write_bytes(raw)
    try:
        scenario = load_scenario(path)
    except ScenarioError as error:
        text = str(error)
        assert "Traceback" not in text
        for problem in error.problems:
            assert problem.file == str(path)
            assert problem.rule
            assert len(str(problem)) < 3000
    else:
        assert isinstance(scenario, Scenario)
        assert scenario.points()


def _run(tmp_path, count):
    @settings(max_examples=count, **SETTINGS)
    @given(raw=damaged_files())
    def check(raw):
        _check(tmp_path / "damaged.yaml", raw)

    check()


def test_damaged_files(tmp_path):
    _run(tmp_path, 2_000)


@pytest.mark.verify
def test_many_damaged_files(tmp_path):
    _run(tmp_path, 20_000)
