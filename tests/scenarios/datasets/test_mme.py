from collections import Counter

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.mme import MME, SUBTASKS

APART = ("artwork", "celebrity", "landmark", "posters", "scene")


def write(root, subtasks=SUBTASKS):
    for subtask in subtasks:
        images = root / subtask / "images" if subtask in APART else root / subtask
        texts = root / subtask / "questions_answers_YN" if subtask in APART else images
        for folder in (images, texts):
            folder.mkdir(parents=True, exist_ok=True)
        for number in range(2):
            suffix = "png" if number else "jpg"
            Image.fromarray(np.full((6, 5, 3), 40 * number, np.uint8)).save(images / f"{number:04d}.{suffix}")
            lines = ["Is it? Please answer yes or no.\tYes", "Is it not? Please answer yes or no.\tNo"]
            (texts / f"{number:04d}.txt").write_text("\n".join(lines) + "\n" * number)


@pytest.mark.parametrize("inner", ["", "MME_Benchmark_release_version", "MME_Benchmark_release_version/MME_Benchmark"])
def test_reads(tmp_path, inner):
    write(tmp_path / inner)
    data = MME(path=str(tmp_path))
    assert len(data) == 14 * 2 * 2
    assert data.answers() == {subtask: Counter(Yes=2, No=2) for subtask in SUBTASKS}
    assert Counter(s.cluster for s in data) == dict.fromkeys(range(28), 2)
    sample = next(s for s in data if s.family == "artwork")
    assert sample.inputs["image"].shape == (6, 5, 3)
    assert sample.extra["group"] == "perception"
    assert len({s.id for s in data}) == len(data)


def test_missing_subtask(tmp_path):
    write(tmp_path, ("existence", "OCR"))
    with pytest.raises(ValueError, match="no 'count'"):
        MME(path=str(tmp_path))
    assert len(MME(path=str(tmp_path), subtasks=("OCR",))) == 4
    with pytest.raises(ValueError, match="did you mean 'OCR'"):
        MME(path=str(tmp_path), subtasks=("ocr",))


def test_broken_files(tmp_path):
    write(tmp_path, ("existence", "count"))
    chosen = {"path": str(tmp_path), "subtasks": ("existence", "count")}
    (tmp_path / "existence" / "0000.txt").write_text("Is it?\tYes\n")
    with pytest.raises(ValueError, match=r"0000\.txt: 1 questions, 2 expected"):
        MME(**chosen)
    (tmp_path / "existence" / "0001.txt").write_text("Is it?\tYes\nIs it?\tmaybe\n")
    (tmp_path / "count" / "0000.txt").unlink()
    (tmp_path / "count" / "0001.png").unlink()
    (tmp_path / "count" / "0002.jpg").write_bytes(b"no image")
    (tmp_path / "count" / "0002.txt").write_text("Is it?\tYes\nIs it?\tNo\n")
    data = MME(**chosen, on_error="skip")
    assert len(data) == 2
    told = " | ".join(f"{s.where}: {s.why}" for s in data.skipped)
    for part in ("0001.txt, line 2: not 'question", "0000.jpg: no .txt file", "0001.txt: its image is missing"):
        assert part in told
    assert len(data.skipped) == 4
    assert list(data) == []
    assert len(data.skipped) == 6
