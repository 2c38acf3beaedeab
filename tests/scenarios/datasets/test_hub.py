import io
import sys
import wave

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.hub import HubDataset

COLUMNS = {"image": "image", "question": "question", "references": "answers", "family": "kind", "cluster": "img"}


def png(level):
    buffer = io.BytesIO()
    Image.fromarray(np.full((5, 7, 3), level, np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def sound(rate=8000, count=800):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(np.full(count, 1000, "<i2").tobytes())
    return buffer.getvalue()


@pytest.fixture
def parquet(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "audio": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
            "question": datasets.Value("string"),
            "answers": datasets.List(datasets.Value("string")),
            "kind": datasets.ClassLabel(names=["count", "colour"]),
            "img": datasets.Value("string"),
            "texts": datasets.List({"user": datasets.Value("string")}),
        }
    )
    rows = {
        "image": [{"bytes": png(40 * i), "path": None} for i in range(4)],
        "audio": [{"bytes": sound(), "path": None}] * 4,
        "question": [f"what {i}?" for i in range(4)],
        "answers": [["red", "rot"], ["two"], [], ["blue"]],
        "kind": [1, 0, 0, 1],
        "img": ["a", "a", "b", "c"],
        "texts": [[{"user": f"u{i}"}] for i in range(4)],
    }
    path = tmp_path / "rows.parquet"
    table = datasets.Dataset.from_dict(rows, features=features)
    table.cast_column("audio", datasets.Audio(decode=False)).to_parquet(str(path))
    return {"id": "parquet", "data_files": str(path), "split": "train"}


@pytest.mark.parametrize("how", [{}, {"streaming": True, "limit": 2}])
def test_columns(parquet, how):
    data = HubDataset(**parquet, columns=COLUMNS | {"extra.user": "texts.0.user"}, **how)
    assert len(data) == how.get("limit", 4)
    sample = data[0]
    assert sample.references == ("red", "rot")
    assert sample.family == "colour"
    assert sample.inputs["question"] == "what 0?"
    assert data[1].inputs["image"].shape == (5, 7, 3)
    assert data[1].inputs["image"].max() == 40
    assert data[1].extra == {"user": "u1"}
    assert [data[i].cluster for i in range(2)] == [0, 0]


def test_audio_is_resampled_and_stated(parquet):
    sample = HubDataset(**parquet, columns={"audio": "audio"}, sampling_rate=16_000)[0]
    assert len(sample.inputs["audio"]) == 1600
    assert sample.extra == {"resampled_from": 8000}


def test_broken_rows(parquet):
    with pytest.raises(ValueError, match="row 2 of train: column 'answers' is empty"):
        HubDataset(**parquet, columns=COLUMNS)[2]
    data = HubDataset(**parquet, columns=COLUMNS, on_error="skip", check_media=True)
    assert (len(data), len(data.skipped)) == (3, 1)
    stream = HubDataset(**parquet, columns=COLUMNS | {"references": "img"}, streaming=True, limit=6, on_error="skip")
    assert len(list(stream)) == 4
    assert [s.why for s in stream.skipped] == ["the stream ended after 4 rows"] * 2


def test_wrong_columns(parquet):
    with pytest.raises(ValueError, match=r"question: parquet has no column 'questions'.*did you mean 'question'"):
        HubDataset(**parquet, columns={"question": "questions"})
    with pytest.raises(ValueError, match="columns: 'picture' is not known"):
        HubDataset(**parquet, columns={"picture": "image"})
    with pytest.raises(ValueError, match="maps no input"):
        HubDataset(**parquet, columns={"family": "kind"})
    with pytest.raises(ValueError, match="limit: None given; with streaming"):
        HubDataset(**parquet, columns=COLUMNS, streaming=True)


def test_offline(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")

    def unreachable(*args, **kwargs):
        raise ConnectionError("Couldn't reach the hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(ValueError, match=r"some/set: cannot be loaded \(ConnectionError.*Offline\? Run it once online"):
        HubDataset(id="some/set", columns={"text": "text"})


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match="'some/set': needs the package datasets: pip install datasets"):
        HubDataset(id="some/set", columns={"text": "text"})
