"""Every example in a docstring runs and gives what it says."""

import doctest
import importlib
import pkgutil

import pytest

LAYERS = ("tokencom.linklevel", "tokencom.models", "tokencom.scenarios")


def _modules():
    for layer in LAYERS:
        root = importlib.import_module(layer)
        yield layer
        for module in pkgutil.walk_packages(root.__path__, layer + "."):
            if not module.name.startswith("tokencom.scenarios.ber."):
                yield module.name


@pytest.mark.parametrize("name", list(_modules()))
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
