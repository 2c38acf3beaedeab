"""What tests of scenarios share."""

import pytest

from tokencom.models.training import log


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """No weights but the shipped ones."""
    monkeypatch.setenv("TOKENCOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(log, "_writer", lambda *_: None)  # TensorBoard's import takes its time
