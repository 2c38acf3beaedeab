"""Writes questions about scenes in the directory format of CLEVR v1.0."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .base import Dataset, Sample
from .clevr_json import VERSION

_NEEDED = (
    "scene", "program", "question_family_index", "question_index", "image_index", "image_filename", "split",
)  # fmt: skip


def write_clevr(dataset: Dataset, root: str | Path, *, licence: str = "", date: str = "") -> list[Path]:
    """Write a data set of questions such as `ClevrSynth` or `Clevr`, one split at a time.

    `Clevr` reads back the same samples. Besides CLEVR's own entries each question has
    ``question_family``, the readable name of its family, which other readers ignore. The same samples
    give the same bytes.

    Args:
        dataset: samples with the ``inputs`` and ``extra`` of `Clevr`; those of an image follow each other.
        root: folder; made if it is missing.
        licence: for the files' ``info``.
        date: for the files' ``info``; the same for the same bytes.

    Returns:
        the two annotation files.

    Raises:
        ValueError: if the split is there already, or a sample lacks something.
    """
    base, split = Path(root), dataset.split
    images = base / "images" / split
    paths = [base / kind / f"CLEVR_{split}_{kind}.json" for kind in ("scenes", "questions")]
    for path in paths:
        if path.exists():
            raise ValueError(f"root: {path} exists; take another folder or remove the split first")
        path.parent.mkdir(parents=True, exist_ok=True)
    images.mkdir(parents=True, exist_ok=True)
    info = {"split": split, "license": licence, "version": VERSION, "date": date}
    scenes: dict[str, Any] = {}
    with paths[1].open("w", encoding="utf-8") as file:
        file.write(f'{{"info": {json.dumps(info)}, "questions": [')
        for number, sample in enumerate(dataset):
            _check(sample, dataset)
            file.write(("" if number == 0 else ",\n") + json.dumps(_question(sample)))
            name = sample.extra["image_filename"]
            if name not in scenes:
                scenes[name] = sample.extra["scene"]
                _write_png(images / name, sample.inputs["image"])
        file.write("]}\n")
    with paths[0].open("w", encoding="utf-8") as file:
        file.write(f'{{"info": {json.dumps(info)}, "scenes": [')
        file.write(",\n".join(json.dumps(scene) for scene in scenes.values()) + "]}\n")
    return paths


def _check(sample: Sample, dataset: Dataset) -> None:
    """Refuse a sample that CLEVR's format has no room for.

    Raises:
        ValueError: naming the sample and what it lacks.
    """
    missing = [key for key in ("image", "question") if key not in sample.inputs]
    missing += [key for key in _NEEDED if key not in sample.extra]
    if missing:
        raise ValueError(f"dataset: sample {sample.id!r} has no {', '.join(missing)}; CLEVR's format needs all of them")
    if sample.extra["split"] != dataset.split:
        raise ValueError(f"dataset: sample {sample.id!r} is of split {sample.extra['split']!r}, not {dataset.split!r}")


def _question(sample: Sample) -> Mapping[str, Any]:
    """Return a question as CLEVR's files have it."""
    extra = sample.extra
    return {
        "image_index": extra["image_index"],
        "program": extra["program"],
        "question_index": extra["question_index"],
        "image_filename": extra["image_filename"],
        "question_family_index": extra["question_family_index"],
        "question_family": sample.family,
        "split": extra["split"],
        "answer": sample.references[0],
        "question": sample.inputs["question"],
    }


def _write_png(path: Path, image: Any) -> None:
    from PIL import Image

    Image.fromarray(image).save(path, format="PNG")
