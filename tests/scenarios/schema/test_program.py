import subprocess
import sys

import pytest

from tokencom.scenarios import Program, Results
from tokencom.scenarios.ber import uncoded_qam

SCRIPT = """\
from tokencom.linklevel import DigitalLink, FlatAirInterface
from tokencom.scenarios import Program, run
from tokencom.scenarios.schema import Stop
from tokencom.scenarios.tasks import BitsTask


def build(scheme, channel):
    air = FlatAirInterface(channel=channel)
    link = DigitalLink(air=air, code="uncoded", crc=None, coderate=1.0, num_bits_per_symbol=2, num_bits=60)
    return BitsTask(num_bits=60), link


PROGRAM = Program(
    name="script", links=["QPSK"], build=build, stop=Stop(batch_size=10, max_mc_iter=2),
    sweep={"channel": ["awgn", "rayleigh"], "snr_db": [0, 6]},
)

if __name__ == "__main__":
    run(PROGRAM, "out", workers=1)
"""


def test_a_script_runs_in_worker_processes(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = Results.load(tmp_path / "out")
    assert [dict(point) for point in results.points] == [
        {"channel": channel, "snr_db": snr_db} for channel in ("awgn", "rayleigh") for snr_db in (0, 6)
    ]
    assert (results.num_items == 20).all()


def test_a_program_survives_its_text():
    program = uncoded_qam.PROGRAM
    again = Program.model_validate_json(program.model_dump_json())
    assert again.model_dump_json() == program.model_dump_json()
    assert again.build is program.build
    assert [point.hash for point in again.points()] == [point.hash for point in program.points()]


def test_an_edited_program_reuses_nothing():
    assert "def build(scheme: str)" in uncoded_qam.PROGRAM.points()[0].build_key("4-QAM, AWGN")


@pytest.mark.parametrize("noise", [{}, {"snr_db": 1.0, "ebno_db": 1.0}, {"sweep": {"snr_db": [1]}, "ebno_db": 1.0}])
def test_one_snr_is_needed(noise):
    with pytest.raises(ValueError, match="one of them sets the noise"):
        Program(name="a", links=["a"], build=uncoded_qam.build, **noise)


def test_a_function_that_workers_cannot_import_is_refused():
    with pytest.raises(ValueError, match="define it at the top of a module"):
        Program(name="a", links=["a"], build=lambda scheme: None, snr_db=1.0)
