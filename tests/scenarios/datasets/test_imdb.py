from collections import Counter

import pytest

from tokencom.scenarios.datasets.imdb import IMDB


@pytest.fixture
def root(tmp_path):
    for split in ("train", "test"):
        for folder, rating in (("pos", 9), ("neg", 2)):
            place = tmp_path / "aclImdb" / split / folder
            place.mkdir(parents=True)
            for number in range(2):
                (place / f"{number}_{rating}.txt").write_text(f"{split} {folder}<br /><br />{number} é")
    place = tmp_path / "aclImdb" / "train" / "unsup"
    place.mkdir()
    (place / "0_0.txt").write_text("unlabelled")
    return tmp_path


def test_reads(root):
    data = IMDB(path=str(root), split="train")
    assert data.answers() == {"": Counter(positive=2, negative=2)}
    sample = data[0]
    assert (sample.id, sample.inputs["text"]) == ("train-pos-0", "train pos<br /><br />0 é")
    assert sample.extra["rating"] == 9
    assert len({s.id for s in data}) == 4
    assert IMDB(path=str(root / "aclImdb"), split="unsup")[0].references == ()


def test_broken(root):
    folder = root / "aclImdb" / "test" / "neg"
    (folder / "0_2.txt").write_text(" ")
    (folder / "notes.md").write_text("x")
    with pytest.raises(ValueError, match=r"notes\.md: not named <number>_<rating>\.txt"):
        IMDB(path=str(root))
    data = IMDB(path=str(root), on_error="skip", check_media=True)
    assert (len(data), [s.why for s in data.skipped]) == (3, ["not named <number>_<rating>.txt", "empty review"])
    (folder / "notes.md").unlink()
    with pytest.raises(ValueError, match=r"0_2\.txt: empty review"):
        IMDB(path=str(root))[2]
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    with pytest.raises(ValueError, match=r"no 'neg'.*expected aclImdb"):
        IMDB(path=str(root))
