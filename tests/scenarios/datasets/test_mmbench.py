import base64
import csv
import io

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.mmbench import MMBench

COLUMNS = [
    "index",
    "question",
    "hint",
    "A",
    "B",
    "C",
    "D",
    "answer",
    "category",
    "image",
    "source",
    "l2-category",
    "split",
]


def picture(level):
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 9, 3), level, np.uint8)).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def row(index, image, **changes):
    values = dict.fromkeys(COLUMNS, "")
    values |= {"index": index, "question": "Which one?", "A": "cat", "B": "dog", "C": "cow", "answer": "B"}
    values |= {"category": "ocr", "l2-category": "finegrained", "image": image, "split": "dev"}
    return values | changes


def write(root, rows, columns=COLUMNS, name="mmbench_dev_20230712.tsv"):
    with (root / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter="\t", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def test_rotations(tmp_path):
    hard = row(5, picture(10), question='He said "one"\nor\ttwo?', hint="héllo\nthere")
    write(tmp_path, [row(3, picture(200)), hard, row(6, "3", C="", answer="A"), row(8, picture(200))])
    data = MMBench(path=str(tmp_path))
    assert len(data) == 3 + 3 + 2 + 3
    groups = {}
    for sample in data:
        letter = sample.references[0]
        assert sample.inputs["choices"]["ABCD".index(letter)] == sample.extra["answer"]
        groups.setdefault(sample.extra["circular"], []).append(sample)
    assert sorted(sample.references[0] for sample in groups[3]) == ["A", "B", "C"]
    assert len({sample.inputs["choices"] for sample in groups[3]}) == 3
    assert data[0].inputs["choices"] == ("cat", "dog", "cow")
    assert groups[5][0].inputs["question"] == 'He said "one"\nor\ttwo?'
    assert groups[5][0].inputs["hint"] == "héllo\nthere"
    assert "hint" not in groups[3][0].inputs
    assert [int(groups[index][1].inputs["image"][0, 0, 0]) for index in (3, 5, 6, 8)] == [200, 10, 200, 200]
    clusters = {index: {sample.cluster for sample in group} for index, group in groups.items()}
    assert clusters[3] == clusters[6] == clusters[8] != clusters[5]
    assert len({sample.id for sample in data}) == len(data)


def test_rotations_of_the_file(tmp_path):
    turned = row(1_000_003, "3", A="dog", B="cow", C="cat", answer="A")
    write(tmp_path, [row(3, picture(200)), turned])
    data = MMBench(path=str(tmp_path), family="l2-category")
    assert [(s.id, s.extra["circular"], s.extra["rotation"]) for s in data] == [("3-0", 3, 0), ("3-1", 3, 1)]
    assert data[1].family == "finegrained"
    assert [s.id for s in MMBench(path=str(tmp_path), circular=False)] == ["3-0"]


def test_test_split_has_no_answers(tmp_path):
    columns = [column for column in COLUMNS if column != "answer"]
    write(tmp_path, [row(3, picture(1))], columns, "MMBench_TEST_EN.tsv")
    data = MMBench(path=str(tmp_path), split="test", circular=False)
    assert data[0].references == ()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"answer": "D"}, "row 3 of .*answer 'D' is none of ABC"),
        ({"question": ""}, "empty question"),
        ({"B": "", "C": "cow"}, "without a gap"),
        ({"image": "77"}, "question 77, which has none"),
        ({"index": "x"}, "no number"),
    ],
)
def test_broken_row(tmp_path, changes, why):
    write(tmp_path, [row(3, picture(1)), row(4, picture(2)) | changes])
    with pytest.raises(ValueError, match=why):
        MMBench(path=str(tmp_path))
    data = MMBench(path=str(tmp_path), on_error="skip")
    assert (len(data), len(data.skipped)) == (3, 1)


def test_broken_image_and_version(tmp_path):
    write(tmp_path, [row(3, picture(1)), row(4, picture(2)[:60] + "A" * 40)])
    with pytest.raises(ValueError, match=r"image of question 4 of mmbench_dev.*no readable image"):
        MMBench(path=str(tmp_path), circular=False)[1]
    write(tmp_path, [row(3, picture(1))], ["index", "question", "A", "B", "answer"])
    with pytest.raises(ValueError, match="no column category, image"):
        MMBench(path=str(tmp_path))


def test_wrong_layout(tmp_path):
    with pytest.raises(ValueError, match="expected a file such as mmbench_dev"):
        MMBench(path=str(tmp_path))
    write(tmp_path, [row(3, picture(1))])
    write(tmp_path, [row(3, picture(1))], name="MMBench_DEV_EN.tsv")
    with pytest.raises(ValueError, match="several files for dev"):
        MMBench(path=str(tmp_path))
