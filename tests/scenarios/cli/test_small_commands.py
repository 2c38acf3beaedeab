import json
import re

import jsonschema
import pytest

from tokencom.scenarios import shipped
from tokencom.scenarios.cli import doctor
from tokencom.scenarios.cli.listing import KINDS
from tokencom.scenarios.schema.document import parse


def test_list_names_everything(cli):
    code, out, _ = cli("list")
    assert code == 0
    heads = [line for line in out.splitlines() if not line.startswith(" ")]
    assert heads == [f"{kind}:" for kind in KINDS]
    for name in (*shipped(), "tdl", "ldpc5g", "webp", "bits", "digital", "ofdm", "outage"):
        assert re.search(rf"^  {name} +\S", out, re.MULTILINE), name


def test_list_takes_kinds(cli):
    code, out, _ = cli("list", "codes")
    assert code == 0
    assert out.startswith("codes:\n  uncoded")
    assert cli("list", "code")[0] == 2
    assert "did you mean 'codes'" in cli("list", "code")[2]


def test_every_shipped_scenario_says_what_it_is_and_how_long_it_takes():
    for name, path in shipped().items():
        head = path.read_text(encoding="utf-8").split("name:")[0]
        assert all(line.startswith("# ") for line in head.splitlines()), name
        assert "# Time: " in head, name


def test_schema_accepts_every_shipped_scenario_and_refuses_wrong_ones(cli, tmp_path):
    code, out, _ = cli("schema")
    assert code == 0
    schema = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for path in shipped().values():
        document = parse(path.read_text(encoding="utf-8")).data
        assert [error.message for error in validator.iter_errors(document)] == [], path
        document["schemes"][0]["lnik"] = {}
        assert not validator.is_valid(document)
    cli("schema", "--output", tmp_path / "schema.json")
    assert json.loads((tmp_path / "schema.json").read_text()) == schema


def test_plot_report_and_compare(cli, finished, tmp_path):
    for command, name in (("plot", "curves.png"), ("report", "report.html")):
        (finished / name).unlink()
        code, out, _ = cli(command, finished)
        assert (code, out) == (0, f"{finished / name}\n")
        other = tmp_path / name
        assert cli(command, finished / "results.h5", "--output", other)[0] == 0
        assert other.read_bytes() == (finished / name).read_bytes()
    code, out, _ = cli("compare", finished, "--output", tmp_path / "difference.png")
    assert code == 0
    assert "Bit error rate: 16-QAM minus QPSK" in out
    assert (tmp_path / "difference.png").is_file()


@pytest.mark.parametrize("command", ["plot", "report", "compare"])
def test_commands_on_runs_name_what_is_not_there(cli, command, tmp_path):
    code, _, err = cli(command, tmp_path)
    assert code == 2
    assert f"{tmp_path}: no results.h5 here" in err
    (tmp_path / "results.h5").write_bytes(b"no hdf5")
    code, _, err = cli(command, tmp_path)
    assert code == 1
    assert "results.h5" in err


def test_doctor_finds_this_installation_fit(cli):
    code, out, _ = cli("doctor")
    assert code == 0, out
    for subject in ("python", "torch", "sionna", "devices", "cores", "numba threading layer", "disk, this folder"):
        assert re.search(rf"^ok +{subject} ", out, re.MULTILINE), subject


def test_doctor_says_what_to_install(cli, monkeypatch):
    monkeypatch.setattr(
        doctor.metadata,
        "requires",
        lambda name: ["torch>=99", "no-such-package", 'commpy-not-there; extra == "reference"'],
    )
    code, out, _ = cli("doctor")
    assert code == 1
    assert re.search(r"^fault +torch +\S+ installed, >=99 needed; pip install 'torch>=99'$", out, re.MULTILINE)
    assert re.search(r"^fault +no-such-package +not installed; pip install 'no-such-package'$", out, re.MULTILINE)
    assert "commpy-not-there missing; pip install 'tokencom[reference]'" in out
    assert "2 fault(s)" in out
