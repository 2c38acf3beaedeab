import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tokencom.scenarios import Results, load_scenario, run

COMMAND = [sys.executable, "-m", "tokencom.scenarios.cli"]


def test_run_writes_results_plot_and_report(cli, tiny, tmp_path):
    folder = tmp_path / "deep" / "out"
    code, out, err = cli("run", tiny, "--workers", 0, "--output", folder)
    assert code == 0, err
    assert [line for line in out.splitlines() if line.startswith(str(folder))] == [
        str(folder / name) for name in ("results.h5", "curves.png", "report.html")
    ]
    assert "Bit error rate" in out
    assert "16-QAM" in out
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    results = Results.load(folder)
    assert results.schemes == ("QPSK", "16-QAM")
    assert json.loads(results.scenario)["name"] == "tiny"


def test_overrides_may_stand_anywhere(cli, tiny, tmp_path):
    code, _, err = cli(
        "run", tiny, "seed=7", "--workers", 0, "stop.max_mc_iter=1", "--output", tmp_path / "o", "stop.batch_size=4"
    )
    assert code == 0, err
    scenario = json.loads(Results.load(tmp_path / "o").scenario)
    assert (scenario["seed"], scenario["stop"]) == (7, {"batch_size": 4, "max_mc_iter": 1})


def test_the_command_and_the_function_give_the_same(cli, tiny, tmp_path):
    cli("run", tiny, "--workers", 2, "--output", tmp_path / "a")
    run(load_scenario(tiny), tmp_path / "b", workers=0)
    a, b = Results.load(tmp_path / "a"), Results.load(tmp_path / "b")
    for array in ("value", "low", "high", "count", "total"):
        np.testing.assert_array_equal(getattr(a, array), getattr(b, array))


def test_fresh_runs_again(cli, tiny, finished):
    before = (finished / "provenance.json").read_text()
    assert cli("run", tiny, "--workers", 0, "--output", finished)[0] == 0
    assert (finished / "provenance.json").read_text() == before
    assert cli("run", tiny, "--workers", 0, "--output", finished, "--fresh")[0] == 0
    assert (finished / "provenance.json").read_text() != before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["air.channel.x=1"], "override air.channel.x=1: air.channel.x: does not exist"),
        (["--executor", "dsk"], "--executor: 'dsk' is not known; allowed: process, dask, dask:address, mpi"),
        (["--executor", "mpi:3"], "--executor: 'mpi:3' is not known"),
        (["--workers", "-1"], "tokencom: workers: -1"),
        (["--workers", "two"], "argument --workers: invalid int value: 'two'"),
        (["--wrokers", "2"], "unrecognized arguments: --wrokers"),
    ],
)  # fmt: skip
def test_wrong_input_is_exit_code_2(cli, tiny, tmp_path, arguments, message):
    code, out, err = cli("run", tiny, *arguments, "--output", tmp_path / "out")
    assert code == 2
    assert message in err
    assert out == ""


def test_a_refused_run_is_exit_code_2(cli, tiny, tmp_path):
    code, _, err = cli("run", tiny, "threads_per_worker=999", "--workers", 0, "--output", tmp_path / "out")
    assert code == 2
    assert "threads_per_worker: 999 threads asked for" in err


def test_a_folder_that_cannot_be_written_is_exit_code_1(cli, tiny, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, _, err = cli("run", tiny, "--workers", 0, "--output", tmp_path / "file" / "out")
    assert code == 1
    assert str(tmp_path / "file") in err


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_is_exit_code_130_and_the_run_goes_on(tiny, tmp_path):
    folder = tmp_path / "out"
    command = [*COMMAND, "run", str(tiny), "stop.max_mc_iter=100000", "--workers", "1", "--output", str(folder)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not _journalled(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "Traceback" not in err


def _journalled(folder):
    return any(path.stat().st_size > 20_000 for path in folder.glob("journal*")) if folder.is_dir() else False
