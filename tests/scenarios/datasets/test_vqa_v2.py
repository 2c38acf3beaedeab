import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.vqa_v2 import VQAv2


def answer(text, number):
    return {"answer": text, "answer_confidence": "yes", "answer_id": number}


@pytest.fixture
def parts():
    questions = [
        {"image_id": 42, "question": "Is it red?", "question_id": 42000},
        {"image_id": 42, "question": "How many?", "question_id": 42001},
        {"image_id": 7, "question": "What is it?", "question_id": 7000},
    ]
    kinds = [("is it", "yes/no", "yes"), ("how many", "number", "2"), ("what is", "other", "dog")]
    annotations = [
        {
            "question_type": kind,
            "multiple_choice_answer": common,
            "answers": [answer(common if i < 8 else "maybe", i + 1) for i in range(10)],
            "image_id": question["image_id"],
            "answer_type": group,
            "question_id": question["question_id"],
        }
        for question, (kind, group, common) in zip(questions, kinds, strict=True)
    ]
    return questions, annotations


def write(root, parts, version="2.0", api=False):
    questions, annotations = parts
    info = {"version": version, "year": 2017}
    places = ("Questions", "Annotations", "Images/mscoco/val2014") if api else (".", ".", "val2014")
    for place in places:
        (root / place).mkdir(parents=True, exist_ok=True)
    (root / places[0] / "v2_OpenEnded_mscoco_val2014_questions.json").write_text(
        json.dumps({"info": info, "task_type": "Open-Ended", "data_subtype": "val2014", "questions": questions})
    )
    (root / places[1] / "v2_mscoco_val2014_annotations.json").write_text(
        json.dumps({"info": info, "annotations": annotations})
    )
    rng = np.random.default_rng(1)
    for number in (7, 42):
        image = Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
        image.save(root / places[2] / f"COCO_val2014_{number:012d}.jpg")
    return root / places[2]


@pytest.mark.parametrize("api", [False, True])
def test_reads_questions_answers_and_images(tmp_path, parts, api):
    write(tmp_path, parts, api=api)
    data = VQAv2(path=str(tmp_path))
    assert len(data) == 3
    sample = data[1]
    assert sample.id == "42001"
    assert sample.inputs["question"] == "How many?"
    assert sample.inputs["image"].shape == (20, 30, 3)
    assert sample.references == ("2",)
    assert sample.extra["answers"] == ("2",) * 8 + ("maybe",) * 2
    assert sample.family == "how many"
    assert [s.cluster for s in data] == [0, 0, 1]
    by_type = VQAv2(path=str(tmp_path), family="answer_type")
    assert by_type.answers() == {"yes/no": Counter(yes=1), "number": Counter({"2": 1}), "other": Counter(dog=1)}


def test_other_version_is_refused(tmp_path, parts):
    write(tmp_path, parts, version="1.0")
    with pytest.raises(ValueError, match=r"questions\.json: version '1\.0'; only version 2"):
        VQAv2(path=str(tmp_path))


def test_wrong_layout_names_what_is_missing(tmp_path):
    (tmp_path / "val2017").mkdir()
    with pytest.raises(ValueError, match=r"no 'val2014'.*nearest there: 'val2017'.*expected v2_OpenEnded"):
        VQAv2(path=str(tmp_path))
    with pytest.raises(ValueError, match="does not exist"):
        VQAv2(path=str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="did you mean 'val'"):
        VQAv2(path=str(tmp_path), split="vall")


def test_broken_entries_are_refused_or_counted(tmp_path, parts):
    questions, annotations = parts
    questions.append({"image_id": 99, "question": "No image?", "question_id": 99000})
    annotations.append(annotations[0] | {"question_id": 99000, "image_id": 99})
    annotations.append(annotations[0] | {"question_id": 5, "image_id": 42})
    annotations[1]["answers"].pop()
    questions[2]["question"] = " "
    write(tmp_path, parts)
    with pytest.raises(ValueError, match="question 42001 of val: 9 answers, 10 expected"):
        VQAv2(path=str(tmp_path))
    data = VQAv2(path=str(tmp_path), on_error="skip")
    assert [s.id for s in data] == ["42000"]
    assert len(data.skipped) == 4
    told = " | ".join(f"{s.where}: {s.why}" for s in data.skipped)
    for part in ("empty question", "COCO_val2014_000000000099.jpg", "annotation 5 of val: no such question"):
        assert part in told


def test_truncated_image(tmp_path, parts):
    folder = write(tmp_path, parts)
    file = folder / "COCO_val2014_000000000042.jpg"
    file.write_bytes(file.read_bytes()[:200])
    data = VQAv2(path=str(tmp_path))
    with pytest.raises(ValueError, match=r"COCO_val2014_000000000042\.jpg: no readable image"):
        data[0]
    with pytest.raises(ValueError, match="no readable image"):
        VQAv2(path=str(tmp_path), check_media=True)
    checked = VQAv2(path=str(tmp_path), check_media=True, on_error="skip")
    assert (len(checked), len(checked.skipped)) == (1, 2)
    lazy = VQAv2(path=str(tmp_path), on_error="skip")
    for _ in range(2):
        assert [s.id for s in lazy] == ["7000"]
        assert len(lazy.skipped) == 2


def test_truncated_json_is_named(tmp_path, parts):
    write(tmp_path, parts)
    file = tmp_path / "v2_mscoco_val2014_annotations.json"
    file.write_text(file.read_text()[:-20])
    with pytest.raises(ValueError, match=r"v2_mscoco_val2014_annotations\.json.*complete"):
        VQAv2(path=str(tmp_path))


def test_split_without_answers(tmp_path, parts):
    write(tmp_path, parts)
    (tmp_path / "val2014").rename(tmp_path / "test2015")
    for file in (tmp_path / "test2015").iterdir():
        file.rename(file.with_name(file.name.replace("val2014", "test2015")))
    (tmp_path / "v2_OpenEnded_mscoco_val2014_questions.json").rename(
        tmp_path / "v2_OpenEnded_mscoco_test-dev2015_questions.json"
    )
    data = VQAv2(path=str(tmp_path), split="test-dev")
    assert data[0].references == ()
    with pytest.raises(ValueError, match="split 'test-dev' has no references"):
        data.answers()
