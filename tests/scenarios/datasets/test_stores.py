import pickle
import tarfile

import pytest

from tokencom.scenarios.datasets import stores
from tokencom.scenarios.datasets.stores import Store, TarStore, UnreadableError, open_store


@pytest.fixture
def root(tmp_path):
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "a" / "x.JPG").write_bytes(b"one")
    (tmp_path / "in" / "y.txt").write_bytes(b"two")
    return tmp_path


def packed(root, mode):
    with tarfile.open(root / "in.tar", mode) as archive:
        archive.add(root / "in", ".")
    return root / "in.tar"


@pytest.mark.parametrize("mode", ["", "w:", "w:gz", "w:bz2", "w:xz"])
def test_same_files_in_every_kind(root, mode):
    store = open_store(packed(root, mode) if mode else root / "in")
    assert store.names() == ["a/x.JPG", "y.txt"]
    assert store.names([".jpg"]) == ["a/x.JPG"]
    assert store.read("a/x.JPG") == b"one"
    assert store.has("y.txt")
    assert not store.has("a/y.txt")
    assert not store.has("b/y.txt")
    with pytest.raises(UnreadableError, match="b/y"):
        store.read("b/y.txt")
    assert pickle.loads(pickle.dumps(store)).read("y.txt") == b"two"


def test_plain_archives_are_not_held_in_memory(root):
    store = TarStore(packed(root, "w:"))
    size = len(pickle.dumps(store))
    assert size < 1000
    assert not store._contents


def test_too_large_compressed_archives_are_refused(root, monkeypatch):
    monkeypatch.setattr(stores, "MOST_UNPACKED", 4)
    assert TarStore(packed(root, "w:")).read("y.txt") == b"two"
    with pytest.raises(ValueError, match="holds more than 4 bytes; unpack it"):
        TarStore(packed(root, "w:gz"))


def test_a_folder_is_listed_once(root):
    folder = root / "many"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number}.jpg").touch()
    store = Store(root)
    assert all(store.has(f"many/{number}.jpg") for number in range(50))
    (folder / "later.jpg").touch()
    assert not store.has("many/later.jpg")
