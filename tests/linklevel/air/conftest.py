"""Channel statistics are estimated anew in every run of the tests."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _fresh_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
