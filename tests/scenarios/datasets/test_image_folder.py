import tarfile

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.image_folder import ImageFolder


@pytest.fixture
def root(tmp_path):
    for split in ("train", "val"):
        for level, name in enumerate(("ant", "bee")):
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(2):
                picture = Image.fromarray(np.full((4 + number, 6, 3), 60 * level, np.uint8))
                picture.save(tmp_path / split / name / f"{number}.{'PNG' if number else 'png'}")
            (tmp_path / split / name / "notes.txt").write_text("x")
    return tmp_path


def test_any_depth(root):
    data = ImageFolder(path=str(root))
    assert (len(data), data.other_files) == (8, 4)
    assert data[1].inputs["image"].shape == (5, 6, 3)
    assert data[0].references == ()
    assert data[0].id == "train/ant/0.png"


@pytest.mark.parametrize("packed", [False, True])
def test_classes(root, packed):
    path = root
    if packed:
        path = root / "all.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for split in ("train", "val"):
                archive.add(root / split, f"./{split}")
    data = ImageFolder(path=str(path), split="val", classes="folder")
    assert data.classes == ("ant", "bee")
    assert dict(data.answers()[""]) == {"ant": 2, "bee": 2}
    assert data[3].extra["label"] == 1
    assert data[3].inputs["image"].max() == 60


def test_broken(root):
    file = root / "val" / "ant" / "0.png"
    file.write_bytes(file.read_bytes()[:40])
    (root / "val" / "loose.jpg").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"loose\.jpg: lies in no class folder"):
        ImageFolder(path=str(root), split="val", classes="folder")
    data = ImageFolder(path=str(root), split="val", classes="folder", on_error="skip", check_media=True)
    assert (len(data), len(data.skipped)) == (3, 2)
    with pytest.raises(ValueError, match="no sample in"):
        ImageFolder(path=str(root / "val" / "ant"), split="", on_error="skip", classes="folder")
    with pytest.raises(ValueError, match="no 'vall'; nearest there: 'val'"):
        ImageFolder(path=str(root), split="vall")
