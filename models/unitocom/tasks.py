"""Samples of the three tasks as tensors."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ...linklevel.validation import check_choice
from ..split import masks
from ..taichi.batches import Asked, clustered, packed, padded
from ..taichi.parts import build_texts
from ..taichi.texts import Texts
from .language.packing import PADDING, SHARED
from .presets import UniToComConfig

OUTPUT = "<output>"
"""What an answer follows."""

BATCH_KEY = {"vqa": "image", "asr": "audio", "text_to_image": "picture"}
"""What only batches of a task have."""


def texts_of(config: UniToComConfig, online: bool) -> Texts:
    """Return how the language model reads and writes.

    Args:
        config: of the system.
        online: whether the hub may be asked for a tokenizer of text.
    """
    tokenizer = None
    if config.text_source is not None:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(config.text_source, local_files_only=not online)
    return build_texts(config.language, tokenizer)


def key_of(modality: str, batch: Mapping[str, torch.Tensor]) -> str:
    """Return the name that a modality's inputs have in a batch."""
    return {"text": "caption", "image": "image" if "image" in batch else "picture"}.get(modality, modality)


def task_of(samples: Sequence[Any], on: Sequence[str]) -> str:
    """Return the task of samples by their inputs: image and question, audio, or text.

    Args:
        samples: of a batch.
        on: tasks that the model is for.

    Raises:
        ValueError: for other inputs, samples of several tasks, or of one that is not on.
    """
    found = {_task(sample) for sample in samples}
    if len(found) > 1:
        raise ValueError(f"samples: of {' and '.join(sorted(found))} in one batch; let data sets take turns instead")
    (task,) = found
    return check_choice("tasks", task, on)


def _task(sample: Any) -> str:
    given = set(sample.inputs)
    for names, task in (({"image", "question"}, "vqa"), ({"audio"}, "asr"), ({"text"}, "text_to_image")):
        if names <= given:
            return task
    raise ValueError(
        f"inputs: {sorted(given)} of sample {sample.id!r} given; an image and a question, audio, or a text is needed"
    )


def task_of_batch(batch: Mapping[str, torch.Tensor]) -> str:
    """Return the task of a training batch."""
    return next(task for task, key in BATCH_KEY.items() if key in batch)


def reference_picture(sample: Any) -> Any:
    """Return the picture that a caption is of, [height, width, 3], numpy.uint8: ``extra["picture"]``.

    Raises:
        ValueError: if there is none.
    """
    picture = (sample.extra or {}).get("picture")
    if picture is None:
        raise ValueError(f"sample {sample.id!r}: has no extra['picture'], the picture of its caption to train on")
    return picture


def items_of(samples: Sequence[Any], task: str, *, question: str) -> list[list[Any]]:
    """Return the samples of each item: all questions of an image (of one cluster) share what is sent.

    Args:
        samples: of a batch.
        task: theirs.
        question: "at_receiver", or "sent", so that each has an item of its own.
    """
    return clustered(samples) if task == "vqa" and question == "at_receiver" else [[sample] for sample in samples]


def prompt(texts: Texts, sample: Any, *, crosses: bool) -> list[int]:
    """Return the ids that the receiver puts before an answer.

    Args:
        texts: of the language model.
        sample: of which only what is at the receiver is read.
        crosses: whether the question does.
    """
    asked = "" if crosses else str(sample.inputs.get("question", ""))
    return [*(texts.ids(asked) if asked else []), *texts.ids(OUTPUT)]


def rows_of(texts: Texts, items: Sequence[Sequence[Any]], *, crosses: bool) -> list[list[Asked]]:
    """Return prompts and answers of the samples of each item.

    Args:
        texts: of the language model.
        items: samples of each; their first reference is the answer.
        crosses: whether the questions do.
    """
    return [
        [
            (prompt(texts, one, crosses=crosses), [*texts.ids(one.references[0]), texts.ends[0]])
            for one in item
        ]
        for item in items
    ]  # fmt: skip


def answered(rows: Sequence[Sequence[Asked]], fill: int) -> dict[str, torch.Tensor]:
    """Return questions and answers of items: ``ids``, ``segment`` and ``target``, each [items, length], torch.int64.

    Args:
        rows: of :func:`rows_of`.
        fill: what stands in padding.
    """
    found = packed(rows, fill)
    return found | {"segment": numbered(found["segment"])}


def numbered(segment: torch.Tensor) -> torch.Tensor:
    """Return segments counted from 1, as :class:`~.language.Packed` has them, of those counted from 0."""
    shared = torch.where(segment == masks.SHARED, SHARED, PADDING)
    return torch.where(segment >= 0, segment + 1 + SHARED, shared)


def spelled(texts: Texts, said: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return words that cross: ``sent_ids`` [items, length], torch.int64, and ``sent_there``, torch.bool."""
    ids, there = padded([texts.ids(text) for text in said], texts.pad)
    return {"sent_ids": ids, "sent_there": there}


def cut(tokenizer: Any, waves: Sequence[Any]) -> dict[str, torch.Tensor]:
    """Return audio in parts as long as the tokenizer takes, filled up with silence to equally many for each item.

    Audio without samples, such as what a classical chain did not decode, is silence.

    Args:
        tokenizer: of audio.
        waves: [num_samples] each, real.

    Returns:
        ``audio`` [items * num_chunks, ...], the tokenizer's inputs, and ``num_chunks`` [items], torch.int64.
    """
    silence = np.zeros(1, np.float32)
    parts = [tokenizer.chunks(wave if len(wave) else silence) for wave in waves]
    most = max(len(own) for own in parts)
    filled = [part for own in parts for part in (*own, *[silence] * (most - len(own)))]
    return {"audio": tokenizer.collate(filled), "num_chunks": torch.tensor([len(own) for own in parts])}


def generators_of(samples: Sequence[Any], seed: int) -> list[torch.Generator]:
    """Return a generator for each sample's answer, which depends on its ``id`` alone, not on the batch or the SNR."""
    found = []
    for sample in samples:
        digest = hashlib.blake2b(f"{seed}/{sample.id}".encode(), digest_size=8).digest()
        found.append(torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1))
    return found


def prompts(texts: Texts, samples: Sequence[Any], *, crosses: bool) -> dict[str, torch.Tensor]:
    """Return the receiver's own prompts: ``ids`` and ``segment``, each [items, length], torch.int64.

    Args:
        texts: of the language model.
        samples: of which only what is at the receiver is read.
        crosses: whether the questions do.
    """
    found = packed([[(prompt(texts, sample, crosses=crosses), [])] for sample in samples], texts.pad)
    return {"ids": found["ids"], "segment": numbered(found["segment"])}
