"""Reader and writer of CLEVR's directory format, on a small folder that the writer makes."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.clevr import Clevr
from tokencom.scenarios.datasets.clevr_json import JsonArray
from tokencom.scenarios.datasets.clevr_synth import ClevrSynth
from tokencom.scenarios.datasets.clevr_write import write_clevr

SPLIT = {"num_images": 4, "questions_per_image": 3, "seed": 9, "split": "val", "size": 32}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("clevr")
    write_clevr(ClevrSynth(**SPLIT), root)
    return root


@pytest.fixture
def root(made, tmp_path):
    return shutil.copytree(made, tmp_path / "clevr")


def _equal(a, b):
    assert (a.id, a.cluster, a.references, a.family) == (b.id, b.cluster, b.references, b.family)
    assert a.inputs["question"] == b.inputs["question"]
    assert np.array_equal(a.inputs["image"], b.inputs["image"])
    assert a.extra == b.extra


def _edit(root, change, kind="questions"):
    path = root / kind / f"CLEVR_val_{kind}.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_what_was_written_is_read_back(made, tmp_path):
    synthetic, read = ClevrSynth(**SPLIT), Clevr(root=made, split="val")
    assert len(read) == len(synthetic) == 12
    for a, b in zip(synthetic, read, strict=True):
        _equal(a, b)
    assert read.answers() == synthetic.answers()
    write_clevr(read, tmp_path)
    for name in ("questions/CLEVR_val_questions.json", "scenes/CLEVR_val_scenes.json"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


def test_files_have_the_published_form(made):
    questions = json.loads((made / "questions/CLEVR_val_questions.json").read_text())
    scenes = json.loads((made / "scenes/CLEVR_val_scenes.json").read_text())
    assert questions["info"]["version"] == scenes["info"]["version"] == "1.0"
    assert questions["info"]["split"] == "val"
    keys = {"image_index", "program", "question_index", "image_filename", "question_family_index", "split", "answer",
            "question"}  # fmt: skip
    assert all(keys <= set(q) for q in questions["questions"])
    assert [s["image_filename"] for s in scenes["scenes"]] == [f"CLEVR_val_{i:06d}.png" for i in range(4)]
    thing = scenes["scenes"][0]["objects"][0]
    assert set(thing) == {"shape", "size", "material", "3d_coords", "rotation", "pixel_coords", "color"}
    assert set(scenes["scenes"][0]["directions"]) == {"left", "right", "front", "behind", "above", "below"}


def test_other_spellings_of_a_program_and_pictures_with_alpha(root):
    def respell(content):
        for question in content["questions"]:
            del question["question_family"]
            for node in question["program"]:
                node["type"] = node.pop("function")
                node["side_inputs"] = node.pop("value_inputs")

    before = Clevr(root=root)[0]
    _edit(root, respell)
    path = root / "images/val/CLEVR_val_000000.png"
    Image.fromarray(before.inputs["image"]).convert("RGBA").save(path)
    after = Clevr(root=root)[0]
    assert after.extra["program"] == before.extra["program"]
    assert after.family.endswith(before.extra["program"][-1]["function"])
    assert after.family[:2] == f"{before.extra['question_family_index']:02d}"
    assert np.array_equal(after.inputs["image"], before.inputs["image"])


def test_scenes_can_be_left_out(root):
    shutil.rmtree(root / "scenes")
    assert "scene" not in Clevr(root=root, scenes=False)[0].extra
    with pytest.raises(ValueError, match=r"scenes/CLEVR_<split>_scenes.json is missing"):
        Clevr(root=root)


def test_layout(root, tmp_path):
    with pytest.raises(ValueError, match="is no folder"):
        Clevr(root=tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"questions/CLEVR_<split>_questions.json is missing"):
        Clevr(root=tmp_path)
    with pytest.raises(ValueError, match="split: 'vall' is not known; allowed: 'val'; did you mean 'val'"):
        Clevr(root=root, split="vall")
    shutil.rmtree(root / "images")
    with pytest.raises(ValueError, match=r"images/val is missing"):
        Clevr(root=root)


@pytest.mark.parametrize("kind", ["questions", "scenes"])
def test_another_version(root, kind):
    _edit(root, lambda content: content["info"].update(version="2.0"), kind)
    with pytest.raises(ValueError, match=rf"CLEVR_val_{kind}.json: version '2.0' in info; only '1.0' can be read"):
        Clevr(root=root, on_error="skip")


def test_json_cut_off_anywhere(root):
    path = root / "questions/CLEVR_val_questions.json"
    whole = path.read_text()
    for stop in (0, 1, 30, len(whole) // 2, len(whole) - 3):
        path.write_text(whole[:stop])
        with pytest.raises(ValueError, match="cut off"):
            Clevr(root=root, on_error="skip")


def test_json_of_something_else(root):
    path = root / "questions/CLEVR_val_questions.json"
    path.write_text('{"info": {"version": "1.0"}, "annotations": []}')
    with pytest.raises(ValueError, match="has no entry 'questions'"):
        Clevr(root=root)


def _shorten(path):
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path: path.unlink(), "is missing"),
        (_shorten, "is cut off"),
        (lambda path: path.write_bytes(b"GIF89a" + path.read_bytes()), "is no PNG file"),
        (lambda path: path.write_bytes(b""), "is no PNG file"),
    ],
)
def test_a_broken_picture_is_refused_or_counted(root, damage, why):
    damage(root / "images/val/CLEVR_val_000001.png")
    with pytest.raises(ValueError, match=rf"question 3: image .*CLEVR_val_000001.png {why}.*on_error: skip"):
        Clevr(root=root)
    data = Clevr(root=root, on_error="skip")
    assert len(data) == 9
    assert [s.why.endswith(why) for s in data.skipped] == [True] * 3
    assert {sample.cluster for sample in data} == {0, 2, 3}


def test_damaged_pixels_are_named_when_read(root):
    path = root / "images/val/CLEVR_val_000002.png"
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)
    data = Clevr(root=root)
    with pytest.raises(ValueError, match=r"CLEVR_val_000002.png cannot be read"):
        data[6]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda q: q.pop("answer"), "has no 'answer' .the official test split"),
        (lambda q: q.update(question=""), "has no 'question'"),
        (lambda q: q.update(program=[]), "has no functional 'program'"),
        (lambda q: q.update(program=[{"function": "scene"}]), "has no functional 'program'"),
        (lambda q: q.update(image_filename="../x.png"), "is not a plain file name"),
        (lambda q: q.update(image_index=77), "image_index 77 is not in"),
    ],
)
def test_a_broken_question_is_refused_or_counted(root, change, why):
    _edit(root, lambda content: change(content["questions"][5]))
    with pytest.raises(ValueError, match=f"question 5: .*{why}"):
        Clevr(root=root)
    data = Clevr(root=root, on_error="skip")
    assert (len(data), len(data.skipped)) == (11, 1)
    assert [sample.extra["question_index"] for sample in data] == [i for i in range(12) if i != 5]


def test_large_files_are_read_in_pieces(tmp_path):
    records = [{"n": i, "text": "ä€" + "x" * (i % 3000)} for i in range(2000)]
    path = tmp_path / "large.json"
    path.write_text(
        json.dumps({"questions": records, "info": {"version": "1.0"}}, ensure_ascii=False, indent=1), encoding="utf-8"
    )
    found = JsonArray(path, "questions")
    assert [record["n"] for record in found.scan()] == list(range(2000))
    assert [found[i] for i in (0, 999, 1999)] == [records[i] for i in (0, 999, 1999)]


def test_writer_refuses(made, tmp_path):
    with pytest.raises(ValueError, match=r"CLEVR_val_scenes.json exists"):
        write_clevr(ClevrSynth(**SPLIT), made)
    from tokencom.scenarios.datasets.clevr_synth import ClevrCaptions

    with pytest.raises(ValueError, match="has no question, program"):
        write_clevr(ClevrCaptions(num_images=1, size=32), tmp_path)
