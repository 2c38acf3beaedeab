import json

import numpy as np
import pytest
from PIL import Image

from tokencom.scenarios.datasets.mm_vet import MMVet


def record(image, **changes):
    return {
        "imagename": image,
        "question": "What is x in the equation?",
        "answer": "-1<AND>-5",
        "imagesource": "https://example.org/x",
        "capability": ["ocr", "math"],
    } | changes


def write(root, records):
    (root / "mm-vet.json").write_text(json.dumps(records))
    (root / "images").mkdir(exist_ok=True)
    for name in ("v1_0.png", "v1_2.jpg"):
        Image.fromarray(np.full((6, 5, 4), 40, np.uint8)).convert("RGB").save(root / "images" / name)


def test_reads(tmp_path):
    write(
        tmp_path,
        {
            "v1_0": record("v1_0.png"),
            "v1_1": record("v1_0.png", answer="a<OR>b"),
            "v1_2": record("v1_2.jpg", capability=["rec"]),
        },
    )
    data = MMVet(path=str(tmp_path))
    assert [s.references for s in data] == [("-1<AND>-5",), ("a<OR>b",), ("-1<AND>-5",)]
    assert [s.family for s in data] == ["math_ocr", "math_ocr", "rec"]
    assert [s.cluster for s in data] == [0, 0, 1]
    assert data[0].extra["capability"] == ("math", "ocr")
    assert data[0].inputs["image"].shape == (6, 5, 3)


def test_second_version_is_refused(tmp_path):
    write(tmp_path, {"v2_0": record("v1_0.png")})
    with pytest.raises(ValueError, match=r"mm-vet\.json: MM-Vet v1 has keys like 'v1_0'; here 'v2_0'"):
        MMVet(path=str(tmp_path))


def test_broken(tmp_path):
    write(tmp_path, {"v1_0": record("v1_0.png"), "v1_1": record("none.png"), "v1_2": record("v1_2.jpg", answer="")})
    with pytest.raises(ValueError, match=r"none\.png: image of v1_1 is missing"):
        MMVet(path=str(tmp_path))
    data = MMVet(path=str(tmp_path), on_error="skip")
    assert [s.id for s in data] == ["v1_0"]
    assert [s.why for s in data.skipped] == ["image of v1_1 is missing", "no answer"]
    with pytest.raises(ValueError, match=r"no 'mm-vet\.json'.*there: v1_0\.png"):
        MMVet(path=str(tmp_path / "images"))
