"""Dependencies run one way: scenarios -> models -> linklevel."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_import_contracts_hold():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--config", "setup.cfg", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_style_holds():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ruff")), "check", "."],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stdout
