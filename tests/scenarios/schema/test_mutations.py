"""Whatever a file holds, it is a valid scenario or gets a message; never a traceback."""

import pytest
from hypothesis import HealthCheck, given, settings

from tokencom.scenarios.cli import main
from tokencom.scenarios.schema import Scenario, ScenarioError, load_scenario

from .mutations import as_yaml, damaged_documents, damaged_files

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
    _run(tmp_path, 500)


@pytest.mark.verify
def test_many_damaged_files(tmp_path):
    _run(tmp_path, 20_000)


def test_damaged_scenarios_run_or_say_why(tmp_path, capsys):
    """Flat channels without a code, and a tiny stop rule: what runs at all runs in a moment."""
    codes = []

    @settings(max_examples=20, **SETTINGS)
    @given(document=damaged_documents(["ber/uncoded_qam"]))
    def check(document):
        path = tmp_path / "damaged.yaml"
        path.write_text(as_yaml(document), encoding="utf-8")
        stop = "stop={batch_size: 2, max_mc_iter: 1}"
        codes.append(main(["run", str(path), stop, "--workers", "0", "--output", str(tmp_path / "out")]))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert codes[-1] in {0, 1, 2}
        assert captured.err if codes[-1] else "results.h5" in captured.out

    check()
    assert len(codes) >= 20
    assert {0, 2} <= set(codes)
