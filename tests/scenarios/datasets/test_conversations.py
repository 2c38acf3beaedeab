import json

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.conversations import Conversations


def says(*texts):
    return [{"from": "gpt" if place % 2 else "human", "value": text} for place, text in enumerate(texts)]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "coco").mkdir()
    for level, name in ((10, "a.jpg"), (200, "b.png")):
        Image.fromarray(np.full((5, 7, 3), level, np.uint8)).save(tmp_path / "coco" / name)
    return tmp_path


def write(root, records, name="chat.json"):
    lines = "\n".join(map(json.dumps, records)) + "\n"
    (root / name).write_text(lines if name.endswith("l") else json.dumps(records))
    return str(root / name)


@pytest.mark.parametrize("name", ["chat.json", "chat.jsonl"])
def test_llava(root, name):
    records = [
        {
            "id": "1",
            "image": "coco/a.jpg",
            "conversations": says("<image>\nWhat is it?", "A dot.", "Its colour?", "Red."),
        },
        {"id": "2", "image": "coco/a.jpg", "conversations": says("Describe.\n<image>", "Dark.")},
        {"id": "3", "conversations": says("Hello", "Hi.")},
    ]
    data = Conversations(path=write(root, records, name))
    first = data[0]
    assert first.inputs["question"] == "What is it?"
    assert first.references == ("A dot.",)
    assert first.extra["turns"] == (("<image>\nWhat is it?", "A dot."), ("Its colour?", "Red."))
    assert first.inputs["image"].shape == (5, 7, 3)
    assert "image" not in data[2].inputs
    assert [s.cluster for s in data] == [0, 0, 1]


def test_cauldron(root):
    texts = [{"user": "What?", "assistant": "A dot.", "source": "TQA"}, {"user": "Where?", "assistant": "There."}]
    data = Conversations(path=write(root, [{"images": ["a.jpg", "b.png"], "texts": texts}]), images=str(root / "coco"))
    sample = data[0]
    assert (sample.family, sample.references) == ("TQA", ("A dot.",))
    assert abs(int(sample.inputs["image"][0, 0, 0]) - 10) < 4
    assert sample.inputs["image_2"][0, 0, 0] == 200


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"id": "x", "conversations": says("a", "b", "c")}, "3 turns, pairs"),
        ({"id": "x", "conversations": says("a", "")}, "empty turn"),
        ({"id": "x", "conversations": says("<image>", "b"), "image": "coco/a.jpg"}, "empty turn"),
        ({"id": "x", "conversations": says("<image>a", "b")}, "<image> in the text, but no image"),
        ({"id": "x", "conversations": says("a", "b"), "image": "coco/c.jpg"}, "c.jpg: image of conversation 1"),
        ({"id": "x", "conversations": list(reversed(says("a", "b")))}, "turns are by gpt, human"),
        ({"id": "x", "text": "a"}, "not in the llava format"),
    ],
)
def test_broken(root, record, why):
    path = write(root, [{"id": "1", "conversations": says("a", "b")}, record])
    with pytest.raises(ValueError, match=why):
        Conversations(path=path)
    data = Conversations(path=path, on_error="skip")
    assert (len(data), len(data.skipped)) == (1, 1)


def test_other_files(root):
    with pytest.raises(ValueError, match="neither 'conversations'"):
        Conversations(path=write(root, [{"question": "a"}]))
    (root / "x.jsonl").write_text(json.dumps({"id": "1", "conversations": says("a", "b")}) + "\n{broken\n")
    with pytest.raises(ValueError, match=r"x\.jsonl, line 2: no JSON"):
        Conversations(path=str(root / "x.jsonl"))
    assert len(Conversations(path=str(root / "x.jsonl"), on_error="skip")) == 1
    with pytest.raises(ValueError, match="is no file"):
        Conversations(path=str(root))
