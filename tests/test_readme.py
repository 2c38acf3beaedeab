"""The examples of the README run as they stand."""

import re
from pathlib import Path

import pytest

from tokencom.scenarios.schema import load_scenario

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(language):
    return re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)[1]


def test_python_example(capsys):
    exec(compile(block("python"), "README.md", "exec"), {})
    said = capsys.readouterr().out
    blers = [float(value) for value in re.findall(r"BLER ([0-9.]+)", said)]
    assert len(blers) == 4
    assert blers[0] > 0.3 > blers[-1]
    assert "channel uses" in said


def test_scenario_example(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(block("yaml"))
    assert len(load_scenario(path).points()) == 4


@pytest.mark.parametrize("command", re.findall(r"^tokencom (\w+)", block("bash") + README, re.MULTILINE))
def test_commands_exist(command):
    from tokencom.scenarios.cli import main

    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
