import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.kodak import Kodak


@pytest.fixture
def root(tmp_path):
    for number in range(1, 25):
        shape = (768, 512) if number % 6 == 4 else (512, 768)
        Image.fromarray(np.full(shape, number, np.uint8)).save(tmp_path / f"kodim{number:02d}.png", compress_level=1)
    return tmp_path


def test_all_images(root):
    data = Kodak(path=str(root))
    assert len(data) == 24
    assert [s.inputs["image"].shape for s in data[2:5]] == [(512, 768, 3), (768, 512, 3), (512, 768, 3)]
    assert data[23].id == "kodim24"
    assert data[23].inputs["image"][0, 0, 0] == 24


def test_missing_and_other_images(root):
    Image.fromarray(np.zeros((256, 256), np.uint8)).save(root / "kodim05.png")
    with pytest.raises(ValueError, match=r"kodim05\.png: 256 by 256 pixels, not 768 by 512"):
        Kodak(path=str(root))[4]
    (root / "kodim17.png").unlink()
    with pytest.raises(ValueError, match=r"kodim17\.png: missing; Kodak has 24 images"):
        Kodak(path=str(root))
    data = Kodak(path=str(root), on_error="skip", check_media=True)
    assert (len(data), len(data.skipped)) == (22, 2)
