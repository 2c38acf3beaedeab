"""Weights of token systems that come with the package."""

import json
from pathlib import Path

import pytest
import torch

from tokencom.linklevel.jscc import DenseCodec
from tokencom.models.systems import load_shipped, shipped_weights

safetensors = pytest.importorskip("safetensors.torch", reason="extra 'models' is not installed")
CONFIGURATION = {"type": "dense", "symbols_per_token": 2}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    codec = DenseCodec(dim=4, symbols_per_token=2, seed=1)
    path = tmp_path / "some.safetensors"
    safetensors.save_file({f"link.{key}": value for key, value in codec.state_dict().items()}, str(path))
    path.with_suffix(".json").write_text(json.dumps({"system": {"link": CONFIGURATION}}))
    return path


def test_a_part_is_loaded(file: Path) -> None:
    codec = DenseCodec(dim=4, symbols_per_token=2, seed=2)
    card = load_shipped(codec, file, "link", CONFIGURATION)
    wanted = DenseCodec(dim=4, symbols_per_token=2, seed=1).state_dict()
    assert all(torch.equal(value, wanted[key]) for key, value in codec.state_dict().items())
    assert card["system"]["link"] == CONFIGURATION


def test_what_does_not_fit_is_refused(file: Path, tmp_path: Path) -> None:
    codec = DenseCodec(dim=4, symbols_per_token=2, seed=2)
    before = {key: value.clone() for key, value in codec.state_dict().items()}
    with pytest.raises(ValueError, match="symbols_per_token: 3 given, 2 trained"):
        load_shipped(codec, file, "link", {"type": "dense", "symbols_per_token": 3})
    with pytest.raises(ValueError, match=r"weights: .* does not fit: link\..* is \[512, 4\] there, \[512, 5\] in"):
        load_shipped(DenseCodec(dim=5, symbols_per_token=2), file, "link")
    with pytest.raises(ValueError, match="mean is missing"):
        load_shipped(codec, file, "system")
    with pytest.raises(ValueError, match="card"):
        load_shipped(codec, tmp_path / "absent.safetensors", "link")
    with pytest.raises(ValueError, match="weights: 'nothing' is not known"):
        load_shipped(codec, "nothing", "link")
    with pytest.raises(ValueError, match="part"):
        load_shipped(codec, file, "air")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(file.read_bytes()[:50])
    damaged.with_suffix(".json").write_text("{}")
    with pytest.raises(ValueError, match="cannot be read"):
        load_shipped(codec, damaged, "link")
    assert all(torch.equal(value, before[key]) for key, value in codec.state_dict().items())


def test_all_files_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in shipped_weights().values()) < 30 * 10**6


@pytest.mark.parametrize("path", shipped_weights().values(), ids=lambda path: path.stem)
def test_every_file_has_a_card(path: Path) -> None:
    card = json.loads(path.with_suffix(".json").read_text())
    assert {"key", "command", "seed", "steps", "system", "stages", "versions", "licence"} <= card.keys()
    assert card.get("name", path.stem) == path.stem
    assert path.stat().st_size < 4 * 2**20
