"""Data sets and tasks of scenario files: fields are the constructors', and tasks are built from them."""

import importlib
import inspect
import json

import pytest
from pydantic import TypeAdapter, ValidationError

from tokencom.scenarios.schema import data_tasks, datasets
from tokencom.scenarios.schema import tasks as task_configs
from tokencom.scenarios.schema.union import members_of, types_of
from tokencom.scenarios.tasks import DatasetTask

CONFIGS = [config for config in members_of(datasets.Data) if types_of(config) != ("python",)]
TASKS, DATA = TypeAdapter(task_configs.Task), TypeAdapter(datasets.Data)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.__name__)
def test_fields_are_the_constructors(config):
    module, _, name = config.target.partition(":")
    found = getattr(importlib.import_module(f"tokencom.scenarios.datasets.{module}"), name)
    parameters = set(inspect.signature(found).parameters)
    fields = set(config.model_fields) - {"type"}
    if config is datasets.Clevr:
        fields = fields - {"path"} | {"root"}
    assert fields <= parameters
    required = {p.name for p in inspect.signature(found).parameters.values() if p.default is p.empty}
    assert required <= fields
    assert types_of(config)[0] == found.name or found.name in {"", "image_folder"}


@pytest.mark.parametrize("name", [name for name in dir(datasets) if name.endswith("Data") and name != "Data"])
def test_every_union_is_part_of_all_data(name):
    assert set(types_of(getattr(datasets, name))) <= set(types_of(datasets.Data))


def test_a_task_is_built_with_its_prior():
    data = {"type": "text_synth", "num_sentences": 40}
    task = TASKS.validate_python({"type": "classification", "data": data}).build()
    assert isinstance(task, DatasetTask)
    assert (task.name, task.num_items, task.data.split) == ("classification", 40, "test")
    assert task.references == ("clean", "blind", "prior")
    assert task.prior is not None
    bare = TASKS.validate_python({"type": "classification", "data": data, "prior": False, "num_items": 7}).build()
    assert (bare.references, bare.num_items) == (("clean", "blind"), 7)


@pytest.mark.parametrize(
    ("task", "data"),
    [
        ("vqa", "clevr_synth"),
        ("captioning", "clevr_captions"),
        ("pictures", "clevr_synth"),
        ("sentences", "text_synth"),
    ],
)
def test_tasks_on_generated_data(task, data):
    given = {"num_sentences": 20} if data == "text_synth" else {"num_images": 2}
    built = TASKS.validate_python({"type": task, "data": {"type": data, **given}}).build()
    assert built.reference_metrics
    assert set(built.reference_metrics) <= set(built.metrics)


def test_what_does_not_fit_is_refused():
    for task, data in (("vqa", "kodak"), ("yes_no", "mmbench"), ("transcription", "sst2")):
        with pytest.raises(ValidationError, match=f"'{data}' found using 'type' does not match"):
            TASKS.validate_python({"type": task, "data": {"type": data, "path": "x"}})
    with pytest.raises(ValueError, match="nowhere"):
        TASKS.validate_python({"type": "yes_no", "data": {"type": "mme", "path": "/nowhere"}}).build()


def test_families_of_questions_reach_the_data_set():
    given = {"type": "clevr_synth", "num_images": 2, "families": ["count", "exist"]}
    task = TASKS.validate_python({"type": "vqa", "data": given, "prior": False}).build()
    assert {sample.family for sample in task.data} == {"count", "exist"}
    with pytest.raises(ValidationError, match=r"families\.0: 'counts' is no kind of question"):
        TASKS.validate_python({"type": "vqa", "data": {**given, "families": ["counts"]}})
    with pytest.raises(ValidationError, match="at least 1"):
        TASKS.validate_python({"type": "vqa", "data": {**given, "families": []}})


def test_parts_and_classes_reach_the_data_sets(tmp_path):
    (tmp_path / "train.txt").write_bytes(b"0 How did it end ?\n4 Which city ?\n")
    order = ["ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"]
    given = {"type": "trec", "path": str(tmp_path), "split": "train", "classes": order}
    task = TASKS.validate_python({"type": "classification", "data": given, "prior": False}).build()
    assert [sample.references[0] for sample in task.data] == ["ABBR", "LOC"]
    for wrong in (order[:5], [*order[:5], "ABBR"]):
        with pytest.raises(ValidationError, match="must have every class once"):
            DATA.validate_python({**given, "classes": wrong})
    (tmp_path / "mmbench_test_legacy.tsv").write_text(
        "index\tquestion\tA\tB\tcategory\timage\n7\tWhy?\tx\ty\tz\tQUJD\n"
    )
    mmbench = {"type": "mmbench", "path": str(tmp_path), "split": "test"}
    assert DATA.validate_python(mmbench).build().split == "test"
    with pytest.raises(ValueError, match="split 'test' of 'mmbench' has no answers"):
        TASKS.validate_python({"type": "multiple_choice", "data": mmbench}).build()


def test_a_hub_data_set_can_be_a_stream(tmp_path):
    hub = pytest.importorskip("datasets", reason="the package datasets is not installed")
    file, cache = tmp_path / "rows.jsonl", tmp_path / "cache"
    file.write_text("".join(f'{{"text": "sentence {i}", "label": "{i % 2}"}}\n' for i in range(5)))
    given = {
        "type": "hub", "id": "json", "data_files": str(file), "split": "train", "streaming": True,
        "columns": {"text": "text", "references": "label"},
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub.config, "HF_DATASETS_CACHE", str(cache))
        found = DATA.validate_python({**given, "limit": 3}).build()
        assert [sample.inputs["text"] for sample in found] == [f"sentence {i}" for i in range(3)]
        twice = DATA.validate_python({**given, "data_files": [str(file), str(file)], "limit": 7}).build()
        assert twice[6].inputs["text"] == "sentence 1"
    assert not list(cache.rglob("*.arrow"))  # a stream is not copied into the cache
    with pytest.raises(ValidationError, match="is no limit; with streaming it must say how many"):
        DATA.validate_python(given)


def test_voices_rate_and_pitch_of_made_speech():
    manner = {"voices": ["en-us+f2", "en-gb-x-rp+m1"], "rate": [100, 110], "pitch": [10, 12], "num_digits": [2, 2]}
    given = {"type": "speech_synth", "num_utterances": 12, "speech": "digits", **manner}
    for field, span in (("rate", [70, 90]), ("rate", [110, 100]), ("pitch", [0, 100]), ("num_digits", [0, 3])):
        with pytest.raises(ValidationError, match=f"{field}: .* is no span between"):
            DATA.validate_python({**given, field: span})
    pytest.importorskip("espeakng_loader", reason="espeakng-loader is not installed (extra: speech)")
    made = DATA.validate_python(given).build()
    drawn = [made._draw(index) for index in range(12)]
    assert {how["voice"] for _, _, how in drawn} == set(manner["voices"])
    assert all(100 <= how["rate"] <= 110 and 10 <= how["pitch"] <= 12 for _, _, how in drawn)
    assert {len(text.split()) for text, _, _ in drawn} == {2}
    assert len(DATA.validate_python({"type": "speech_synth"}).build().voices) == 12
    with pytest.raises(ValueError, match=r"voices: accent: 'en-uz' is not known"):
        DATA.validate_python({**given, "voices": ["en-uz"]}).build()


def test_a_judge_s_file_reaches_its_judge(tmp_path):
    from PIL import Image

    (tmp_path / "images").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "a.png")
    record = {"imagename": "a.png", "question": "?", "answer": "yes", "capability": ["ocr"]}
    (tmp_path / "mm-vet.json").write_text(json.dumps({"v1_0": record}))
    (tmp_path / "judge.json").write_text(json.dumps({"v1_0": {"yes": 1}}))
    given = {"type": "open_answers", "data": {"type": "mm_vet", "path": str(tmp_path)}}
    assert "judged" not in TASKS.validate_python(given).build().metrics
    task = TASKS.validate_python({**given, "judge_scores": str(tmp_path / "judge.json")}).build()
    assert task.judge.columns([task.data[0]], ["yes"])["judged"].tolist() == [1.0]


def test_every_task_on_data_says_what_it_sends():
    for config in vars(data_tasks).values():
        if isinstance(config, type) and issubclass(config, data_tasks._OnData):
            assert config.payload == "sample"


def test_generated_data_are_made_once_for_all_who_ask_the_same():
    def task(kind="vqa", **changes):
        scenes = {"type": "clevr_synth", "num_images": 2, "questions_per_image": 2, **changes}
        return TASKS.validate_python({"type": kind, "data": scenes}).build()

    for kind in ("vqa", "pictures"):
        assert task(kind) is task(kind)
        assert task(kind, seed=1) is not task(kind)
    captions = {"type": "prompts", "captions": {"type": "clevr_captions", "num_images": 66}}
    drawing = {"type": "text_to_image", "data": captions, "reference": captions, "allow_few": True}
    assert TASKS.validate_python(drawing).build() is TASKS.validate_python(drawing).build()
    every = [config for config in CONFIGS if getattr(config, "seeded", False)]
    assert every
    assert not any("path" in config.model_fields for config in every)
