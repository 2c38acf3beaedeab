import json
from collections import Counter

import pytest

from tokencom.scenarios.datasets.music_avqa import MusicAVQA


def record(number, **changes):
    return {
        "video_id": f"{number // 2:08d}",
        "question_id": number,
        "type": '["Audio-Visual", "Existential"]',
        "question_content": "Is the <Object> louder than the <Object2> in the video?",
        "templ_values": '["flute", "it\'s cello"]',
        "question_deleted": 0,
        "anser": "yes",
    } | changes


def write(root, records, folder="."):
    (root / folder).mkdir(exist_ok=True)
    (root / folder / "avqa-test.json").write_text(json.dumps(records))
    for number in range(2):
        place = root / "videos" / ("Real" if number else "Synthetic")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:08d}.mp4").write_bytes(b"")


@pytest.mark.parametrize("folder", [".", "json"])
def test_templates_are_filled(tmp_path, folder):
    plain = {"question_content": "How many?", "templ_values": "[]", "type": '["Audio", "Counting"]', "anser": "two"}
    quoted = {"templ_values": "['flute', 'tuba']", "question_deleted": 1}
    write(tmp_path, [record(0), record(1, **plain), record(2, **quoted)], folder)
    data = MusicAVQA(path=str(tmp_path))
    entries = [data.entry(record) for record in data.records]
    assert [entry.inputs["question"] for entry in entries] == [
        "Is the flute louder than the it's cello in the video?",
        "How many?",
        "Is the flute louder than the tuba in the video?",
    ]
    assert data.answers() == {"Audio-Visual-Existential": Counter(yes=2), "Audio-Counting": Counter(two=1)}
    assert [entry.cluster for entry in entries] == [0, 0, 1]
    assert [entry.extra["deleted"] for entry in entries] == [False, False, True]
    assert entries[2].media["video"] == "Real/00000001.mp4"
    by_template = MusicAVQA(path=str(tmp_path), family="template")
    assert set(by_template.answers()) == {"How many?", record(0)["question_content"]}


def test_reads_clips(tmp_path, write_video):
    write(tmp_path, [record(0)])
    write_video(tmp_path / "videos" / "Synthetic" / "00000000.mp4")
    sample = MusicAVQA(path=str(tmp_path), num_frames=2)[0]
    assert sample.inputs["video"].shape == (2, 32, 48, 3)
    assert sample.inputs["audio"].ndim == 1
    assert sample.references == ("yes",)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"templ_values": '["flute"]'}, "do not fill the gaps"),
        ({"templ_values": "flute"}, "do not fill the gaps"),
        ({"anser": ""}, "empty answer"),
        ({"question_content": ""}, "empty question"),
        ({"type": "Audio"}, "is no list"),
        ({"video_id": "00000009"}, "00000009: no video or audio file"),
    ],
)
def test_broken_entry(tmp_path, changes, why):
    write(tmp_path, [record(0), record(1, **changes)])
    with pytest.raises(ValueError, match=why):
        MusicAVQA(path=str(tmp_path))
    data = MusicAVQA(path=str(tmp_path), on_error="skip")
    assert (len(data), len(data.skipped)) == (1, 1)


def test_other_version(tmp_path):
    fields = record(0)
    fields["answer"] = fields.pop("anser")
    write(tmp_path, [fields])
    with pytest.raises(ValueError, match=r"avqa-test\.json: records have no anser"):
        MusicAVQA(path=str(tmp_path))
    with pytest.raises(ValueError, match=r"no 'avqa-val\.json' or 'json/avqa-val\.json'"):
        MusicAVQA(path=str(tmp_path), split="val")
