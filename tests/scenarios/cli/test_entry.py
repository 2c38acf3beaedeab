import subprocess
import sys

import pytest

from tokencom.scenarios.cli.entry import COMMANDS


def test_help_names_every_command(cli):
    code, out, _ = cli("--help")
    assert code == 0
    names = "run train export audit plot report compare show list schema doctor"
    assert list(COMMANDS) == names.split()
    for command in COMMANDS:
        assert f"\n    {command} " in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli, command):
    code, out, _ = cli(command, "--help")
    assert code == 0
    assert out.startswith(f"usage: tokencom {command}")


@pytest.mark.parametrize("arguments", [[], ["rnu"], ["plot"], ["list", "--wrong"], ["doctor", "extra"]])
def test_a_wrong_command_line_is_exit_code_2(cli, arguments):
    code, _, err = cli(*arguments)
    assert code == 2
    assert "usage: tokencom" in err


def test_every_problem_of_a_file_has_a_line(cli, tiny):
    tiny.write_text(tiny.read_text().replace("awgn}", "awng}").replace("num_bits: 60", "num_bits: x"))
    code, out, err = cli("run", tiny)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"{tiny}:4: task.num_bits: 'x' is not a number",
    ]


def test_a_missing_scenario(cli):
    code, _, err = cli("run", "quikstart")
    assert code == 2
    assert err.startswith("'quikstart' is neither a file nor a shipped scenario; shipped: quickstart, ber/")
    assert err.endswith("; did you mean 'quickstart'?\n")


def test_an_unexpected_error_says_how_to_see_more(cli, monkeypatch):
    def fail(arguments):
        raise RuntimeError("broken")

    monkeypatch.setattr(COMMANDS["doctor"], "execute", fail)
    code, _, err = cli("doctor")
    assert code == 1
    assert err == "tokencom: RuntimeError: broken (add --traceback before the command to see where)\n"
    with pytest.raises(RuntimeError):
        cli("--traceback", "doctor")


def test_an_interrupt_is_exit_code_130(cli, monkeypatch):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(COMMANDS["doctor"], "execute", interrupt)
    assert cli("doctor") == (130, "", "tokencom: interrupted\n")


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m tokencom.scenarios.cli schema | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout == "{\n"
    assert done.stderr == ""
