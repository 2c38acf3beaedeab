"""Files that are replaced whole."""

import os
from pathlib import Path

import pytest

from tokencom.linklevel.files import replaced


def test_new_content_takes_the_place_of_the_old(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with replaced(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["note.txt"]


def test_after_a_failure_the_old_one_is_there_alone(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")

    def write():
        with replaced(path) as temporary:
            temporary.write_text("ha")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["note.txt"]


def test_nothing_written_and_no_folder_are_errors(tmp_path):
    with pytest.raises(FileNotFoundError), replaced(tmp_path / "note.txt"):
        pass
    with pytest.raises(FileNotFoundError), replaced(tmp_path / "none" / "note.txt") as temporary:
        temporary.write_text("new")
    assert os.listdir(tmp_path) == []


def test_content_reaches_the_disk_before_the_name(tmp_path, monkeypatch):
    done = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: done.append("fsync") or sync(handle))
    monkeypatch.setattr(Path, "replace", lambda self, target: done.append("replace") or replace(self, target))
    with replaced(tmp_path / "note.txt") as temporary:
        temporary.write_text("new")
    assert done == ["fsync", "replace", "fsync"]
