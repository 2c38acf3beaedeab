"""Runs that are killed or interrupted, and then resumed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cheap_plan import CheapPlan, CheapStop

from tokencom.scenarios.engine import Results, run

RUNNER = Path(__file__).parent / "runner.py"


class Started:
    """A run in a process of its own, which logs its batches."""

    def __init__(self, plan, folder, log):
        text = folder.parent / "plan.json"
        text.write_text(plan.model_dump_json())
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, str(RUNNER), str(text), str(folder)], stderr=subprocess.PIPE, text=True
        )

    def lines(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def wait_for(self, count):
        """Wait until ``count`` batches have run since the log was emptied, or the run has ended."""
        limit = time.monotonic() + 120
        while self.process.poll() is None and len(self.lines()) < count and time.monotonic() < limit:
            time.sleep(0.001)

    def workers(self):
        return {int(line.split()[0]) for line in self.lines()}

    def end(self):
        _, errors = self.process.communicate(timeout=120)
        return self.process.returncode, errors


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _plan(log, milliseconds=30):
    kinds = tuple(
        {"name": name, "error": error, "milliseconds": milliseconds, "log": [str(log)]}
        for name, error in (("a", 0.2), ("b", 0.4))
    )
    return CheapPlan(kinds=kinds, stop=CheapStop(max_mc_iter=30, num_target_block_errors=60))


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.verify)])
def test_killed_at_random_moments(tmp_path, kills, same_arrays):
    log = tmp_path / "batches.txt"
    plan = _plan(log)
    undisturbed = run(plan, tmp_path / "undisturbed", workers=0)
    total = len(log.read_text().splitlines())
    chance, workers, killed = random.Random(kills), set(), 0
    for number in range(kills):
        log.unlink(missing_ok=True)
        started = Started(plan, tmp_path / "run", log)
        left = max(total * (kills - number) // kills // 2, 1)
        started.wait_for(chance.randrange(1, left + 1))
        time.sleep(chance.random() * 0.02)
        started.process.kill()
        workers |= started.workers()
        killed += started.end()[0] == -signal.SIGKILL
        assert not (tmp_path / "run" / "results.h5").exists() or killed <= number
    log.unlink(missing_ok=True)
    assert Started(plan, tmp_path / "run", log).end() == (0, "")
    same_arrays(undisturbed, Results.load(tmp_path / "run"))
    assert killed >= min(kills, 3)
    for _ in range(100):
        if not any(map(_alive, workers)):
            break
        time.sleep(0.1)
    assert not any(map(_alive, workers)), "workers outlive their coordinator"


@pytest.mark.usefixtures("interruptible")
def test_interrupted(tmp_path, same_arrays):
    """Ctrl-C reaches the whole process group; finished batches stay, the message is one line."""
    log = tmp_path / "batches.txt"
    plan = _plan(log)
    undisturbed = run(plan, tmp_path / "undisturbed", workers=0)
    total = len(log.read_text().splitlines())
    log.unlink()
    started = Started(plan, tmp_path / "run", log)
    started.wait_for(12)
    for pid in {started.process.pid, *started.workers()}:
        os.kill(pid, signal.SIGINT)
    code, errors = started.end()
    assert code == 130
    assert len(errors.strip().splitlines()) == 1
    assert "journal.sqlite, and the same run goes on from there" in errors
    done = len(log.read_text().splitlines())
    assert done < total
    assert Started(plan, tmp_path / "run", log).end() == (0, "")
    same_arrays(undisturbed, Results.load(tmp_path / "run"))
