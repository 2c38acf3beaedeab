"""The built wheel holds every module: an unlisted sub-package works when editable and is missing there."""

import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("linklevel", "models", "scenarios")

IMPORT_ALL = """
import importlib, pkgutil, sys
target = sys.argv[1]
sys.meta_path = [f for f in sys.meta_path if "editable" not in repr(f)]
sys.path.insert(0, target)
count = 0
for layer in sys.argv[2:]:
    root = importlib.import_module(layer)
    assert root.__file__.startswith(target), root.__file__
    for module in pkgutil.walk_packages(root.__path__, layer + "."):
        importlib.import_module(module.name)
        count += 1
print(count)
"""


def _sources(layer):
    return [path for path in (ROOT / layer).rglob("*.py") if "__pycache__" not in path.parts]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", *LAYERS):
        subprocess.run(["cp", "-r", str(ROOT / name), str(tree)], check=True)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("tokencom-*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_setup_cfg_lists_every_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    found = {
        "tokencom." + ".".join(path.parent.relative_to(ROOT).parts)
        for layer in LAYERS
        for path in _sources(layer)
        if path.name == "__init__.py"
    }
    assert listed == found


def test_wheel_holds_every_file(unpacked):
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".nbi", ".nbc"}:
                assert (unpacked / "tokencom" / path.relative_to(ROOT)).is_file(), path


def test_every_module_of_the_wheel_imports(unpacked):
    layers = [f"tokencom.{layer}" for layer in LAYERS]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, str(unpacked), *layers],
        cwd=unpacked, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 50


def test_nothing_at_the_root_of_the_namespace(unpacked):
    assert sorted(p.name for p in (unpacked / "tokencom").iterdir()) == sorted(LAYERS)
