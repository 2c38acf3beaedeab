import pickle
import tarfile

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.cifar10 import CIFAR10, CLASSES


def binary(root, count=4):
    folder = root / "cifar-10-batches-bin"
    folder.mkdir()
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (5, count, 32, 32, 3), dtype=np.uint8)
    for number in range(5):
        records = b"".join(
            bytes([(number + i) % 10]) + images[number, i].transpose(2, 0, 1).tobytes() for i in range(count)
        )
        (folder / f"data_batch_{number + 1}.bin").write_bytes(records)
    (folder / "test_batch.bin").write_bytes(bytes([9]) + images[0, 0].transpose(2, 0, 1).tobytes())
    return images


def pictures(root):
    for split, count in (("train", 2), ("test", 1)):
        for name in CLASSES:
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(np.full((32, 32, 3), 50, np.uint8)).save(root / split / name / f"{number:04d}.png")


def test_binary_version(tmp_path):
    images = binary(tmp_path)
    data = CIFAR10(path=str(tmp_path), split="train")
    assert len(data) == 20
    np.testing.assert_array_equal(data[6].inputs["image"], images[1, 2])
    assert data[6].references == ("cat",)
    assert data[6].extra["label"] == 3
    assert data[6].id == "data_batch_2-2"
    assert len(CIFAR10(path=str(tmp_path / "cifar-10-batches-bin"))) == 1


@pytest.mark.parametrize("layout", ["folder", "tar.xz", "tar"])
def test_image_files(tmp_path, layout):
    pictures(tmp_path / "plain")
    root = tmp_path / "plain"
    if layout != "folder":
        root = tmp_path / "packed"
        root.mkdir()
        for split in ("train", "test"):
            with tarfile.open(root / f"{split}.{layout}", "w:xz" if layout == "tar.xz" else "w:") as archive:
                archive.add(tmp_path / "plain" / split, split)
    train, test = (CIFAR10(path=str(root), split=split) for split in ("train", "test"))
    assert (len(train), len(test)) == (20, 10)
    assert dict(train.answers()[""]) == dict.fromkeys(CLASSES, 2)
    assert train[0].inputs["image"].shape == (32, 32, 3)
    assert train[0].id == "train/airplane/0000"


def test_pickles_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(pickle.dumps(Trap()))
    (folder / "test_batch").write_bytes(pickle.dumps(Trap()))
    for path in (tmp_path, folder):
        with pytest.raises(ValueError, match=r"take the binary version, cifar-10-binary\.tar\.gz"):
            CIFAR10(path=str(path))
    assert not (tmp_path / "sprung").exists()


def test_broken(tmp_path):
    binary(tmp_path)
    file = tmp_path / "cifar-10-batches-bin" / "data_batch_2.bin"
    content = bytearray(file.read_bytes())
    content[3073] = 77
    file.write_bytes(content[:-100])
    (tmp_path / "cifar-10-batches-bin" / "data_batch_5.bin").unlink()
    with pytest.raises(ValueError, match=r"data_batch_2\.bin: truncated: 12192 bytes"):
        CIFAR10(path=str(tmp_path), split="train")
    data = CIFAR10(path=str(tmp_path), split="train", on_error="skip")
    assert len(data) == 4 + 2 + 4 + 4
    assert [s.why for s in data.skipped] == [
        "truncated: 12192 bytes are not whole records of 3073",
        "label 77 is not 0 ... 9",
        "missing",
    ]


def test_broken_image_files(tmp_path):
    pictures(tmp_path)
    Image.fromarray(np.zeros((31, 32, 3), np.uint8)).save(tmp_path / "test" / "cat" / "0000.png")
    (tmp_path / "test" / "lion").mkdir()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "test" / "lion" / "0000.png")
    with pytest.raises(ValueError, match="folder 'lion' is no class"):
        CIFAR10(path=str(tmp_path))
    data = CIFAR10(path=str(tmp_path), on_error="skip", check_media=True)
    assert (len(data), len(data.skipped)) == (9, 2)
    assert data.skipped[1].why == "32 by 31 pixels, not 32 by 32"


def test_wrong_layout(tmp_path):
    with pytest.raises(ValueError, match="expected the binary version"):
        CIFAR10(path=str(tmp_path))
