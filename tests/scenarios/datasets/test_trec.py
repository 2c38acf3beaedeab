from collections import Counter

import pytest

from tokencom.scenarios.datasets.trec import TREC


def test_official(tmp_path):
    lines = ["NUM:dist How far is it to Aspen ?", "LOC:city What is a sister\u00f0city ?", "NUM:date When ?"]
    (tmp_path / "TREC_10.label").write_text("\n".join(lines) + "\n", encoding="latin-1")
    data = TREC(path=str(tmp_path), split="test")
    assert data.answers() == {"": Counter(NUM=2, LOC=1)}
    assert data[1].inputs["text"] == "What is a sister\u00f0city ?"
    fine = TREC(path=str(tmp_path), split="test", label="fine")
    assert [s.references[0] for s in fine] == ["NUM:dist", "LOC:city", "NUM:date"]


def test_plain(tmp_path):
    (tmp_path / "train.txt").write_bytes(b"0 How did it end ?\n4 Which sister\xf0city\x85 ?\n")
    data = TREC(path=str(tmp_path))
    assert [s.references[0] for s in data] == ["DESC", "LOC"]
    assert data[1].inputs["text"] == "Which sister\u00f0city\u0085 ?"
    other = TREC(path=str(tmp_path), classes=("ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"))
    assert other[0].references == ("ABBR",)
    with pytest.raises(ValueError, match="only coarse classes"):
        TREC(path=str(tmp_path), label="fine")
    with pytest.raises(ValueError, match="some order of DESC"):
        TREC(path=str(tmp_path), classes=("A", "B"))


def test_broken(tmp_path):
    (tmp_path / "train_5500.label").write_text("NUM:dist How far ?\nWHAT:x Why ?\nHUM:ind \n")
    with pytest.raises(ValueError, match="line 2: 'WHAT:x' is no label"):
        TREC(path=str(tmp_path))
    data = TREC(path=str(tmp_path), on_error="skip")
    assert (len(data), len(data.skipped)) == (1, 2)
    (tmp_path / "train_5500.label").rename(tmp_path / "train.txt")
    with pytest.raises(ValueError, match=r"label 'NUM:dist' is not 0 \.\.\. 5"):
        TREC(path=str(tmp_path))
    with pytest.raises(ValueError, match=r"no 'TREC_10\.label'"):
        TREC(path=str(tmp_path), split="test")
