import json

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.coco_captions import CocoCaptions


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 8, 3), 70, np.uint8)).save(path)


def write(root, year=2017, version="1.0", empty=(), annotations=None):
    names = {9: "000000000009.jpg", 25: "000000000025.jpg"}
    if year == 2014:
        names = {number: f"COCO_val2014_{name}" for number, name in names.items()}
    captions = [
        {"image_id": image, "id": 10 * image + n, "caption": "  " if 10 * image + n in empty else f"A {image} {n}.\n"}
        for n in range(5)
        for image in names
    ]
    content = {
        "info": {"version": version, "year": year},
        "images": [{"id": image, "file_name": name, "height": 6, "width": 8} for image, name in names.items()],
        "licenses": [],
        "annotations": captions if annotations is None else annotations,
    }
    (root / "annotations").mkdir()
    (root / "annotations" / f"captions_val{year}.json").write_text(json.dumps(content))
    for name in names.values():
        picture(root / f"val{year}" / name)


@pytest.mark.parametrize("year", [2014, 2017])
def test_reads(tmp_path, year):
    write(tmp_path, year)
    data = CocoCaptions(path=str(tmp_path), year=year)
    assert [s.id for s in data] == ["9", "25"]
    assert data[0].references == tuple(f"A 9 {n}." for n in range(5))
    assert data[0].inputs["image"].shape == (6, 8, 3)


def test_empty_caption(tmp_path):
    write(tmp_path, empty=(92, *range(250, 255)))
    with pytest.raises(ValueError, match="caption 92 of image 9: empty caption"):
        CocoCaptions(path=str(tmp_path))
    data = CocoCaptions(path=str(tmp_path), on_error="skip")
    assert len(data) == 1
    assert len(data[0].references) == 4
    assert [s.why for s in data.skipped] == ["empty caption"] * 6 + ["no caption"]


def test_other_files_are_refused(tmp_path):
    write(tmp_path, annotations=[{"id": 1, "image_id": 9, "bbox": [1, 2, 3, 4]}])
    with pytest.raises(ValueError, match=r"captions_val2017\.json: records have no caption \(they have id, image_id"):
        CocoCaptions(path=str(tmp_path))


def test_version_image_and_orphans(tmp_path):
    write(tmp_path, version="2.1")
    with pytest.raises(ValueError, match=r"version '2\.1'"):
        CocoCaptions(path=str(tmp_path))
    file = tmp_path / "annotations" / "captions_val2017.json"
    content = json.loads(file.read_text()) | {"info": {"version": "1.0"}}
    content["annotations"].append({"id": 1, "image_id": 404, "caption": "A."})
    file.write_text(json.dumps(content))
    (tmp_path / "val2017" / "000000000025.jpg").unlink()
    data = CocoCaptions(path=str(tmp_path), on_error="skip")
    assert len(data) == 1
    assert [s.why for s in data.skipped] == ["no image 404", "missing"]


def test_karpathy(tmp_path):
    splits = ["train", "restval", "val", "test", "test"]
    images = []
    for number, split in enumerate(splits):
        folder = "train2014" if split == "train" else "val2014"
        name = f"COCO_{folder}_{number:012d}.jpg"
        picture(tmp_path / folder / name)
        sentences = [{"tokens": ["a"], "raw": f"A {number}.", "imgid": number, "sentid": number}]
        images.append(
            {
                "filepath": folder,
                "filename": name,
                "imgid": number,
                "split": split,
                "sentences": sentences,
                "cocoid": number,
            }
        )
    (tmp_path / "dataset_coco.json").write_text(json.dumps({"images": images, "dataset": "coco"}))
    sizes = {
        split: len(CocoCaptions(path=str(tmp_path), karpathy=True, year=2014, split=split))
        for split in ("train", "restval", "train+restval", "val", "test")
    }
    assert sizes == {"train": 1, "restval": 1, "train+restval": 2, "val": 1, "test": 2}
    data = CocoCaptions(path=str(tmp_path), karpathy=True, year=2014, split="test")
    assert data[1].references == ("A 4.",)
    assert data[1].inputs["image"].shape == (6, 8, 3)
    with pytest.raises(ValueError, match="year: 2017"):
        CocoCaptions(path=str(tmp_path), karpathy=True, split="test")
