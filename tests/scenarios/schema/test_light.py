"""Reading scenarios imports nothing heavy."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "scipy", "sionna", "numba", "h5py", "matplotlib", "PIL", "dask")


def _loaded(code):
    text = f"{code}\nimport sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[-2].split()


def test_checking_every_shipped_scenario_is_light():
    code = (
        "from tokencom.scenarios import load_scenario, shipped\n"
        "for name in shipped(): load_scenario(name).points()"
    )
    assert _loaded(code) == []


@pytest.mark.parametrize("command", ["--help", "run --help", "list", "schema", "run no_such_scenario"])
def test_commands_that_compute_nothing_are_light(command):
    code = (
        "import contextlib, io\nfrom tokencom.scenarios.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    main({command.split()!r})"
    )
    assert _loaded(code) == []


def test_help_does_not_even_need_pydantic():
    code = (
        "import contextlib, io, sys\nfrom tokencom.scenarios.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main(['--help'])\n"
        "assert 'pydantic' not in sys.modules and 'yaml' not in sys.modules"
    )
    assert _loaded(code) == []
