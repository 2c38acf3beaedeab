import pytest

OFDM = """\
name: trial
task: {type: bits, num_bits: 1e3}
air:
  type: ofdm
  channel: {type: tdl, model: A, delay_spread: 300e-9}
  fft_size: 76
schemes:
  - name: LDPC R=0.5
    type: digital
    link: {type: digital, code: ldpc5g, num_bits_per_symbol: 2, coderate: 0.5}
  - name: Turbo
    type: digital
    link: {type: digital, code: {type: turbo}, num_bits_per_symbol: 4, coderate: 0.5}
sweep:
  snr_db: [0, 6, 12]
  air.channel.speed: [0, 3]
stop: {batch_size: 64, max_mc_iter: 20, num_target_block_errors: 100}
"""


@pytest.fixture
def ofdm():
    return OFDM


@pytest.fixture
def write(tmp_path):
    """Write a scenario file, with texts replaced, and return its path."""

    def _write(*changes, text=OFDM, name="trial.yaml"):
        for old, new in changes:
            assert text.count(old) >= 1, old
            text = text.replace(old, new, 1)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


@pytest.fixture
def refused(write):
    """Load a changed scenario, which must be refused, and return the message without the folder."""
    from tokencom.scenarios.schema import ScenarioError, load_scenario

    def _refused(*changes, overrides=(), **kwargs):
        path = write(*changes, **kwargs)
        with pytest.raises(ScenarioError) as caught:
            load_scenario(path, overrides)
        return str(caught.value).replace(f"{path.parent}/", "")

    return _refused
