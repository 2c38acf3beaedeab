"""Whole data sets in a local folder against counts that a few lines make from the raw files.

``TOKENCOM_DATA`` names the folder; the data cannot be shipped.
"""

import io
import json
import os
import tarfile
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.cifar10 import CIFAR10
from tokencom.scenarios.datasets.clevr import Clevr
from tokencom.scenarios.datasets.fsdd import FSDD
from tokencom.scenarios.datasets.sst2 import SST2
from tokencom.scenarios.datasets.trec import TREC

DATA = Path(os.environ.get("TOKENCOM_DATA", "data"))
pytestmark = pytest.mark.verify


def needs(name):
    reason = f"TOKENCOM_DATA names no folder that holds {name}"
    return pytest.mark.skipif(not (DATA / name).is_dir(), reason=reason)


@needs("clevr")
@pytest.mark.parametrize("split", ["train", "val"])
def test_clevr(split):
    raw = json.loads((DATA / "clevr" / "questions" / f"CLEVR_{split}_questions.json").read_bytes())["questions"]
    scenes = json.loads((DATA / "clevr" / "scenes" / f"CLEVR_{split}_scenes.json").read_bytes())["scenes"]
    pictures = sorted((DATA / "clevr" / "images" / split).glob("*.png"))
    data = Clevr(root=str(DATA / "clevr"), split=split, scenes=True)
    assert len(data) == len(raw)
    assert sum(data.answers().values(), Counter()) == Counter(q["answer"] for q in raw)
    kinds = {"yes": "yes_no", "no": "yes_no", **{str(n): "number" for n in range(11)}}
    by_kind = Counter(kinds.get(q["answer"], "attribute") for q in raw)
    assert min(by_kind.values()) > 0
    found = Counter()
    for family, counts in data.answers().items():
        (kind,) = {kinds.get(answer, "attribute") for answer in counts}  # a family has answers of one kind
        found[kind] += counts.total()
        assert family
    assert found == by_kind
    clusters = Counter(sample.cluster for sample in map(data.__getitem__, range(0, len(data), 97)))
    assert clusters == Counter(raw[i]["image_index"] for i in range(0, len(raw), 97))
    assert len(pictures) == len(scenes) == len({q["image_filename"] for q in raw})
    for index in range(0, len(raw), 211):
        sample, question = data[index], raw[index]
        assert sample.inputs["question"] == question["question"]
        assert sample.references == (question["answer"],)
        with Image.open(DATA / "clevr" / "images" / split / question["image_filename"]) as picture:
            assert np.array_equal(sample.inputs["image"], np.asarray(picture)[..., :3])
    assert data.skipped == []


@needs("sst2")
@pytest.mark.parametrize("split", ["train", "dev"])
def test_sst2(split):
    lines = (DATA / "sst2" / f"{split}.txt").read_bytes().decode().rstrip("\n").split("\n")
    data = SST2(path=str(DATA / "sst2"), split=split)
    assert len(data) == len(lines)
    ones = sum(line.startswith("1 ") for line in lines)
    assert data.answers() == {"": Counter(positive=ones, negative=len(lines) - ones)}
    assert [s.inputs["text"] for s in data] == [line[2:].strip() for line in lines]


@needs("trec")
def test_trec():
    lines = (DATA / "trec" / "train.txt").read_bytes().decode("latin-1").rstrip("\n").split("\n")
    names = ["DESC", "ENTY", "ABBR", "HUM", "LOC", "NUM"]
    data = TREC(path=str(DATA / "trec"), split="train")
    assert len(data) == len(lines)
    assert data.answers() == {"": Counter(names[int(line[0])] for line in lines)}
    assert [s.inputs["text"] for s in data] == [line[2:].strip() for line in lines]


@needs("fsdd")
def test_fsdd():
    raw = {}
    with tarfile.open(DATA / "fsdd" / "fsdd.tar.xz") as archive:
        for member in archive:
            if member.name.endswith(".wav"):
                file = archive.extractfile(member)
                raw[Path(member.name).stem] = file.read()
    tests = {name for name in raw if int(name.split("_")[2]) < 5}
    for split, names in (("all", set(raw)), ("test", tests), ("train", set(raw) - tests)):
        data = FSDD(path=str(DATA / "fsdd"), split=split)
        assert len(data) == len(names)
        assert data.answers() == {"": Counter(name[0] for name in names)}
    for index in range(0, len(data), 149):
        with wave.open(io.BytesIO(raw[data[index].id])) as sound:
            assert sound.getframerate() == data.sampling_rate == 8000
            levels = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        assert np.array_equal(data[index].inputs["audio"] * 32768, levels)


@needs("cifar10")
@pytest.mark.parametrize("split", ["train", "test"])
def test_cifar10(split):
    raw = {}
    with tarfile.open(DATA / "cifar10" / f"{split}.tar.xz") as archive:
        for member in archive:
            if member.isfile():
                raw[member.name] = archive.extractfile(member).read()
    data = CIFAR10(path=str(DATA / "cifar10"), split=split)
    assert len(data) == len(raw)
    assert data.answers() == {"": Counter(name.split("/")[1] for name in raw)}
    suffix = {name.rpartition(".")[0]: name for name in raw}
    for index in range(0, len(data), 487):
        sample = data[index]
        with Image.open(io.BytesIO(raw[suffix[sample.id]])) as picture:
            assert np.array_equal(sample.inputs["image"], np.asarray(picture.convert("RGB")))
