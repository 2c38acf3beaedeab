import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.image_text import ImageText


def members(keys=("000000000", "000000001"), caption="A red dot."):
    buffer = io.BytesIO()
    Image.fromarray(np.full((5, 7, 3), 90, np.uint8)).save(buffer, format="JPEG")
    files = {}
    for key in keys:
        facts = {"caption": caption, "url": "http://example.org", "key": key, "status": "success"}
        files |= {
            f"{key}.jpg": buffer.getvalue(),
            f"{key}.txt": caption.encode(),
            f"{key}.json": json.dumps(facts).encode(),
        }
    return files


def folder(root, files, shard="00000"):
    (root / shard).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (root / shard / name).write_bytes(content)
    (root / f"{shard}_stats.json").write_text("{}")
    (root / f"{shard}.parquet").write_bytes(b"x")


def tar(root, files, shard="00000"):
    with tarfile.open(root / f"{shard}.tar", "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("write", [folder, tar])
def test_reads(tmp_path, write):
    write(tmp_path, members())
    write(tmp_path, members(("000010000",), "Another."), "00001")
    data = ImageText(path=str(tmp_path))
    assert [s.references for s in data] == [("A red dot.",)] * 2 + [("Another.",)]
    assert data[2].inputs["image"].shape == (5, 7, 3)
    assert data[2].extra["status"] == "success"
    assert len({s.id for s in data}) == len({s.cluster for s in data}) == 3


def test_caption_of_the_json_file(tmp_path):
    folder(tmp_path, {name: content for name, content in members().items() if not name.endswith("txt")})
    assert ImageText(path=str(tmp_path))[0].references == ("A red dot.",)


@pytest.mark.parametrize("write", [folder, tar])
def test_broken(tmp_path, write):
    files = members(tuple(f"{number:09d}" for number in range(6)))
    files["000000000.txt"] = b" \n"
    files["000000001.jpg"] = files["000000001.jpg"][:300]
    del files["000000002.jpg"]
    del files["000000003.txt"], files["000000003.json"]
    files["000000004.json"] = b"{"
    write(tmp_path, files)
    with pytest.raises(ValueError, match=r"000000003\.jpg: no caption"):
        ImageText(path=str(tmp_path))
    data = ImageText(path=str(tmp_path), on_error="skip")
    assert (len(data), len(data.skipped)) == (4, 2)
    with pytest.raises(ValueError, match="000000000: empty caption"):
        data[0]
    assert [s.id.rpartition("/")[2] for s in data] == ["000000005"]
    assert len(data.skipped) == 5
    checked = ImageText(path=str(tmp_path), on_error="skip", check_media=True)
    assert (len(checked), len(checked.skipped)) == (1, 5)


def test_nothing_there(tmp_path):
    with pytest.raises(ValueError, match="no sample in"):
        ImageText(path=str(tmp_path))
