import pytest

TINY = """\
# A few blocks over two flat channels.
name: tiny
snr_db: 4
task: {type: bits, num_bits: 60}
air: {type: flat, channel: awgn}
schemes:
  - {name: QPSK, type: digital, link: {type: digital, code: uncoded, crc: null, num_bits_per_symbol: 2}}
  - {name: 16-QAM, type: digital, link: {type: digital, code: uncoded, crc: null, num_bits_per_symbol: 4}}
sweep: {air.channel: [awgn, rayleigh], snr_db: [0, 6]}
stop: {batch_size: 10, max_mc_iter: 2}
"""


@pytest.fixture
def tiny(tmp_path):
    """A scenario file that runs in a moment."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture
def cli(capsys):
    """Call the command in this process: exit code, standard output, standard error."""
    from tokencom.scenarios.cli import main

    def _cli(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse
            code = end.code
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err + captured.out
        return code, captured.out, captured.err

    return _cli


@pytest.fixture
def finished(cli, tiny, tmp_path):
    """The folder of a finished run."""
    folder = tmp_path / "out"
    code, _, _ = cli("run", tiny, "--workers", 0, "--output", folder)
    assert code == 0
    return folder
