"""Tokens of a scheme's items as HDF5 files."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from training_scenario import YAML

from tokencom.models.export import TokenFile
from tokencom.models.training import log
from tokencom.scenarios import load_scenario
from tokencom.scenarios.engine.exporting import export_scheme

CODE = "--allow-code"
PLAIN = {
    "name": "plain",
    "type": "token",
    "system": {"type": "python", "target": "tiny_system:TinySystem"},
    "link": {"type": "analog"},
}


@pytest.fixture
def scenario(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKENCOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(log, "_writer", lambda *_: None)
    path = tmp_path / "small.yaml"
    path.write_text(YAML, encoding="utf-8")
    return path


@pytest.fixture
def untrained(scenario):
    """Without training: the system's first parameters count."""
    plan = load_scenario(scenario, allow_code=True)
    return plan.model_validate({**plan.model_dump(), "schemes": [PLAIN]})


class TestCommand:
    def test_the_file_has_what_a_run_would_send(self, cli, scenario, tmp_path):
        folder = tmp_path / "tokens"
        code, out, err = cli("export", scenario, CODE, "--scheme", "Joint, dense", "--output", folder, "--quiet")
        assert code == 0, err
        assert out.strip() == str(folder / "tokens.h5")
        task, link = load_scenario(scenario, allow_code=True).build("Joint, dense")
        samples = [task.data[number] for number in range(20)]
        with TokenFile(folder) as file:
            assert file.ids == tuple(sample.id for sample in samples)
            assert file.references == tuple(sample.references for sample in samples)
            assert file.cut == "system"
            tokens, expected = file.tokens(range(20)), link.tokens(samples)
        assert torch.equal(tokens.mask, expected.mask)
        assert torch.equal(tokens.values, expected.values * expected.mask[..., None])

    def test_the_index_may_be_named(self, cli, scenario, tmp_path):
        path = tmp_path / "there" / "tokens.h5"
        code, out, _ = cli("export", scenario, CODE, "--scheme", "analog", "--output", path, "--quiet")
        assert (code, out.strip()) == (0, str(path))
        assert path.is_file()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "--scheme: missing; there are 'base', 'Joint, dense', 'analog'"),
            (["--scheme", "analogue"], "'analogue' is not a scheme with a system; did you mean 'analog'?"),
            (["--scheme", "analog", "--output", "x.h5"], "the index is always called tokens.h5"),
        ],
    )
    def test_wrong_input_is_exit_code_2(self, cli, scenario, arguments, message):
        code, out, err = cli("export", scenario, CODE, "--quiet", *arguments)
        assert (code, out) == (2, "")
        assert message in err

    def test_schemes_without_a_system_have_no_tokens(self, cli, tiny):
        code, _, err = cli("export", tiny)
        assert code == 2
        assert "no scheme has a system whose tokens could be exported" in err


class TestFunction:
    def test_an_interrupted_export_goes_on(self, untrained, tmp_path):
        def stop(done, total):
            if done == 15:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            export_scheme(untrained, "plain", tmp_path / "a", progress=stop, batch_size=5, shard_size=5)
        told = []
        export_scheme(
            untrained, "plain", tmp_path / "a", progress=lambda *at: told.append(at), batch_size=5, shard_size=5
        )
        assert told == [(0, 20), (15, 20), (20, 20), (20, 20)]
        export_scheme(untrained, "plain", tmp_path / "b", shard_size=5)
        with TokenFile(tmp_path / "a") as first, TokenFile(tmp_path / "b") as second:
            np.testing.assert_array_equal(first.tokens(range(20)).values, second.tokens(range(20)).values)

    def test_other_parameters_are_another_export(self, untrained, tmp_path):
        export_scheme(untrained, "plain", tmp_path)
        scheme = {**PLAIN, "system": {**PLAIN["system"], "options": {"seed": 9}}}
        other = untrained.model_validate({**untrained.model_dump(), "schemes": [scheme]})
        with pytest.raises(ValueError, match="another model, cut or data set"):
            export_scheme(other, "plain", tmp_path)

    def test_a_scheme_that_sends_the_items_themselves_is_refused(self, untrained, tmp_path):
        link = {"type": "digital", "code": "conv", "coderate": 0.5, "num_bits_per_symbol": 2, "num_channel_uses": 900}
        scheme = {**PLAIN, "source": {"type": "utf8"}, "link": link}
        plan = untrained.model_validate({**untrained.model_dump(), "schemes": [scheme]})
        with pytest.raises(ValueError, match="a scheme with a source sends the items themselves"):
            export_scheme(plan, "plain", tmp_path)
