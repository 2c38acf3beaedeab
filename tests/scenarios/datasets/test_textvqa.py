import json

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.textvqa import TextVQA


def write(root, version="0.5.1", changes=None, images="train_images"):
    records = [
        {
            "question": f"what does it say {number}?",
            "image_id": f"00ab{number // 2}",
            "image_classes": ["Sign"],
            "flickr_original_url": "",
            "image_width": 16,
            "image_height": 12,
            "answers": ["nous les gosses"] * 4 + ["stop"] * 6,
            "question_id": 34602 + number,
            "set_name": "val",
        }
        for number in range(3)
    ]
    records[0] |= changes or {}
    head = {"dataset_type": "val", "dataset_name": "textvqa", "dataset_version": version}
    (root / "TextVQA_0.5.1_val.json").write_text(json.dumps(head | {"data": records}))
    (root / images).mkdir(parents=True)
    for name in ("00ab0", "00ab1"):
        Image.fromarray(np.full((12, 16, 3), 90, np.uint8)).save(root / images / f"{name}.jpg")


@pytest.mark.parametrize("images", ["train_images", "train_val_images/train_images"])
def test_reads(tmp_path, images):
    write(tmp_path, images=images)
    ocr = {"dataset_version": "0.2", "data": [{"image_id": "00ab0", "ocr_tokens": ["STOP"], "ocr_info": []}]}
    (tmp_path / "TextVQA_Rosetta_OCR_v0.2_val.json").write_text(json.dumps(ocr))
    data = TextVQA(path=str(tmp_path), ocr=True)
    sample = data[0]
    assert sample.id == "34602"
    assert sample.references == ("stop",)
    assert len(sample.extra["answers"]) == 10
    assert sample.extra["ocr_tokens"] == ("STOP",)
    assert data[2].extra["ocr_tokens"] == ()
    assert sample.inputs["image"].shape == (12, 16, 3)
    assert [s.cluster for s in data] == [0, 0, 1]


def test_other_version(tmp_path):
    write(tmp_path, version="0.5")
    with pytest.raises(ValueError, match=r"version '0\.5'; only version 0\.5\.1"):
        TextVQA(path=str(tmp_path))


def test_file_without_the_list(tmp_path):
    write(tmp_path)
    (tmp_path / "TextVQA_0.5.1_val.json").write_text('{"dataset_version": "0.5.1", "questions": []}')
    with pytest.raises(ValueError, match=r"TextVQA_0\.5\.1_val\.json: a list under 'data' of records expected"):
        TextVQA(path=str(tmp_path))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"question": ""}, "empty question"),
        ({"answers": ["a"]}, "1 answers, 10 expected"),
        ({"image_id": "gone"}, "image of question 34602 of val is missing"),
    ],
)
def test_broken_entry(tmp_path, changes, why):
    write(tmp_path, changes=changes)
    with pytest.raises(ValueError, match=why):
        TextVQA(path=str(tmp_path))
    data = TextVQA(path=str(tmp_path), on_error="skip")
    assert (len(data), len(data.skipped)) == (2, 1)
