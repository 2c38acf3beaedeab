import json
import wave

import numpy as np
import pytest

from tokencom.scenarios.datasets.valor import VALOR32K

ID = "x-Rb4_30.000_40.000"


def write(root, records, split="test"):
    (root / f"desc_{split}.json").write_text(json.dumps(records))
    (root / "videos").mkdir(exist_ok=True)


def test_reads(tmp_path, write_video):
    write(tmp_path, [{"video_id": ID, "desc": "A tone sounds as it gets brighter."}])
    write_video(tmp_path / "videos" / f"{ID}.mp4")
    data = VALOR32K(path=str(tmp_path), num_frames=4)
    sample = data[0]
    assert sample.id == ID
    assert sample.references == ("A tone sounds as it gets brighter.",)
    assert sample.inputs["video"].shape == (4, 32, 48, 3)
    assert sample.extra["resampled_from"] == 44_100
    assert abs(len(sample.inputs["audio"]) - 32_000) < 2000


def test_sound_file_beside_the_video(tmp_path, write_video):
    write(tmp_path, [{"video_id": ID, "desc": "A."}])
    write_video(tmp_path / "videos" / f"{ID}.mp4", sound=False)
    (tmp_path / "sound").mkdir()
    with wave.open(str(tmp_path / "videos" / f"{ID}.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.zeros(100, "<i2").tobytes())
    sample = VALOR32K(path=str(tmp_path), num_frames=2)[0]
    assert sample.inputs["audio"].shape == (100,)
    only = VALOR32K(path=str(tmp_path), modalities=("audio",))[0]
    assert set(only.inputs) == {"audio"}


def test_broken(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / f"{ID}.mp4").write_bytes(b"no video")
    records = [{"video_id": ID, "desc": "A."}, {"video_id": ID, "desc": ""}, {"video_id": "gone", "desc": "B."}]
    write(tmp_path, records)
    with pytest.raises(ValueError, match=r"record 1 of desc_test\.json: empty caption"):
        VALOR32K(path=str(tmp_path))
    data = VALOR32K(path=str(tmp_path), on_error="skip")
    assert (len(data), len(data.skipped)) == (1, 2)
    assert "no video or audio file" in data.skipped[1].why
    write(tmp_path, [{"video_id": ID, "caption": "A."}])
    with pytest.raises(ValueError, match="records have no desc"):
        VALOR32K(path=str(tmp_path))
    with pytest.raises(ValueError, match="modalities: 'vision'"):
        VALOR32K(path=str(tmp_path), modalities=("vision",))


def test_damaged_clip(tmp_path):
    pytest.importorskip("av", reason="video needs PyAV")
    write(tmp_path, [{"video_id": ID, "desc": "A."}])
    (tmp_path / "videos" / f"{ID}.mp4").write_bytes(b"no video")
    with pytest.raises(ValueError, match=r"30\.000_40\.000\.mp4: no readable video"):
        VALOR32K(path=str(tmp_path))[0]
