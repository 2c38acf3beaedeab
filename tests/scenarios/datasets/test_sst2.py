from collections import Counter

import pytest

from tokencom.scenarios.datasets.sst2 import SST2


def test_glue(tmp_path):
    folder = tmp_path / "SST-2"
    folder.mkdir()
    (folder / "train.tsv").write_text('sentence\tlabel\nhide new secretions \t0\nof "saucy" 1 \t1\n')
    (folder / "test.tsv").write_text("index\tsentence\n0\tuneasy mishmash .\n")
    data = SST2(path=str(tmp_path), split="train")
    assert [s.inputs["text"] for s in data] == ["hide new secretions", 'of "saucy" 1']
    assert [s.references for s in data] == [("negative",), ("positive",)]
    assert [s.extra["label"] for s in data] == [0, 1]
    test = SST2(path=str(tmp_path), split="test")
    assert test[0].inputs["text"] == "uneasy mishmash ."
    assert test[0].references == ()
    with pytest.raises(ValueError, match="no references"):
        test.answers()


def test_plain(tmp_path):
    (tmp_path / "dev.txt").write_text("0 one long string .\n1 très bon\u0085 film\r\n", encoding="utf-8")
    data = SST2(path=str(tmp_path))
    assert data[1].inputs["text"] == "très bon\u0085 film"
    assert data.answers() == {"": Counter(negative=1, positive=1)}
    assert SST2(path=str(tmp_path / "dev.txt"))[0].id == data[0].id == "dev-1"


def test_broken_lines(tmp_path):
    file = tmp_path / "dev.txt"
    file.write_text("0 fine .\n2 odd label\n1 \n\n1 good\n")
    with pytest.raises(ValueError, match=r"dev\.txt, line 4: empty line"):
        SST2(path=str(tmp_path))
    data = SST2(path=str(tmp_path), on_error="skip")
    assert [s.id for s in data] == ["dev-1", "dev-5"]
    assert [s.why for s in data.skipped] == ["empty line", "label '2' is neither 0 nor 1", "empty sentence"]


def test_other_format(tmp_path):
    (tmp_path / "dev.tsv").write_text("label\tsentence\n1\tgood\n")
    with pytest.raises(ValueError, match="header 'sentence<tab>label'"):
        SST2(path=str(tmp_path))
    (tmp_path / "dev.tsv").write_text("sentence\tlabel\ngood\tmore\t1\n")
    with pytest.raises(ValueError, match="line 2: 3 fields, 2 expected"):
        SST2(path=str(tmp_path))
    with pytest.raises(ValueError, match=r"no 'train\.tsv' or 'SST-2/train\.tsv' or 'train\.txt'"):
        SST2(path=str(tmp_path), split="train")
    (tmp_path / "dev.tsv").write_bytes(b"sentence\tlabel\n\xff\t1\n")
    with pytest.raises(ValueError, match="byte 15 is not utf-8"):
        SST2(path=str(tmp_path))


def test_nothing_left(tmp_path):
    (tmp_path / "dev.txt").write_text("7 x\n")
    with pytest.raises(ValueError, match=r"no sample in .*1 left out: .*line 1: label '7'"):
        SST2(path=str(tmp_path), on_error="skip")
