"""Samples as tensors."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import torch

from ..scenes.referents import Referents, spoken_of
from ..split.masks import SHARED
from .prompts import task_of, turns_of
from .texts import Texts
from .vision import resized

NOTHING = -100
"""Target of a token that no answer follows; what torch's cross-entropy leaves out."""

Asked = tuple[list[int], list[int]]
"""Ids of a prompt, and of its answer (none where it is to be found)."""


def pixels_of(samples: Sequence[Any], size: int) -> torch.Tensor:
    """Return the images of samples, [batch, 3, size, size], torch.uint8.

    Args:
        samples: with ``inputs["image"]``, [height, width, 3], numpy.uint8; of any size.
        size: side, pixels.

    Raises:
        ValueError: for an image of another form.
    """
    found = []
    for sample in samples:
        image = np.asarray(sample.inputs["image"])
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"inputs['image']: {image.dtype} {list(image.shape)} given, uint8 [height, width, 3] is needed"
            )
        picture = torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1)
        if picture.shape[1:] != (size, size):
            picture = (resized(picture[None].float() / 255, size)[0] * 255).round().to(torch.uint8)
        found.append(picture)
    return torch.stack(found)


def padded(rows: Sequence[Sequence[int]], fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows of ids as a tensor, padded on the right, and which entries there are.

    Args:
        rows: ids.
        fill: what stands in padding.

    Example:
        >>> padded([[1, 2], [3]], 0)[0].tolist()
        [[1, 2], [3, 0]]
    """
    width = max((len(row) for row in rows), default=0)
    ids = torch.full((len(rows), width), fill, dtype=torch.int64)
    there = torch.zeros(len(rows), width, dtype=torch.bool)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row, dtype=torch.int64)
        there[number, : len(row)] = True
    return ids, there


def packed(items: Sequence[Sequence[Asked]], fill: int) -> dict[str, torch.Tensor]:
    """Return the texts of each item one after the other in a row; the last token of an answer is only a target.

    What all prompts of an item begin with, such as an instruction, stands once, before the texts.

    Args:
        items: prompts and answers of each item.
        fill: what stands in padding.

    Returns:
        ``ids`` [items, length], torch.int64; ``segment``, same shape, torch.int64, the number of each token's text,
        :data:`~..split.masks.SHARED` or -1; ``target``, same shape, torch.int64, the token of the answer that
        follows, or :data:`NOTHING`.

    Example:
        >>> rows = packed([[([7, 1, 2], [3]), ([7, 4], [5, 6])]], 0)
        >>> rows["ids"].tolist(), rows["segment"].tolist(), rows["target"].tolist()
        ([[7, 1, 2, 4, 5]], [[-2, 0, 0, 1, 1]], [[-100, -100, 3, 5, 6]])
    """
    rows: dict[str, list[list[int]]] = {"ids": [], "segment": [], "target": []}
    for own in items:
        common = in_common(own)
        read = [[*prompt, *answer[:-1]][common:] for prompt, answer in own]
        first = own[0][0][:common] if own else []
        rows["ids"].append([*first, *(token for text in read for token in text)])
        rows["segment"].append([*[SHARED] * common, *(number for number, text in enumerate(read) for _ in text)])
        unasked = [[NOTHING] * (len(text) - len(answer)) for text, (_, answer) in zip(read, own, strict=True)]
        wanted = [n for none, (_, answer) in zip(unasked, own, strict=True) for n in (*none, *answer)]
        rows["target"].append([NOTHING] * common + wanted)
    fills = {"ids": fill, "segment": -1, "target": NOTHING}
    return {name: padded(row, fills[name])[0] for name, row in rows.items()}


def in_common(texts: Sequence[Asked]) -> int:
    """Return how many ids all prompts of several texts begin with; the last one of a prompt does not count.

    Example:
        >>> in_common([([7, 1, 2], [3]), ([7, 4], [5])]), in_common([([7, 1, 2], [3])])
        (1, 0)
    """
    if len(texts) < 2:
        return 0
    alike = (len(set(column)) == 1 for column in zip(*(prompt[:-1] for prompt, _ in texts), strict=False))
    return sum(takewhile(bool, alike))


def clustered(samples: Sequence[Any]) -> list[list[Any]]:
    """Return the samples of each cluster, in order of first appearance."""
    found: dict[Any, list[Any]] = {}
    for sample in samples:
        found.setdefault(sample.cluster, []).append(sample)
    return list(found.values())


def replies(sample: Any, texts: Texts, *, crosses: bool) -> list[Asked]:
    """Return the texts of a sample to train on: the answer, or every reply of a conversation after those before it.

    A conversation is the entry ``turns`` of a sample's ``extra``: pairs of what the user and the assistant say, with
    or without a mark ``<image>`` where the image is.
    """
    said = () if crosses else sample.extra.get("turns", ())
    turns = [(str(question).replace("<image>", "").strip(), str(answer)) for question, answer in said]
    if not turns:
        return [asked(sample, texts, crosses=crosses, answered=True)]
    return [
        (texts.prompt("vqa", {"question": question}, crosses=False, turns=turns[:number]), _ended(texts, answer))
        for number, (question, answer) in enumerate(turns)
    ]


def asked(sample: Any, texts: Texts, *, crosses: bool, answered: bool) -> Asked:
    """Return the prompt of a sample at the receiver, and its answer for training.

    Args:
        sample: of which only what is at the receiver is read.
        texts: of the language model.
        crosses: whether question or text cross.
        answered: whether to return the first reference with an end mark.
    """
    task = task_of(sample.inputs)
    content: Mapping[str, Any] = {} if crosses else sample.inputs
    prompt = texts.prompt(task, content, crosses=crosses, turns=turns_of(sample))
    return prompt, _ended(texts, sample.references[0]) if answered else []


def referents_of(
    rows: Sequence[Sequence[Asked]], items: Sequence[Sequence[Any]], texts: Texts, grid: tuple[int, int]
) -> dict[str, torch.Tensor]:
    """Return what the tokens of the receiver's texts speak of, as entries of a batch.

    Args:
        rows: prompts and answers of each item, as :func:`packed` takes them.
        items: the questions of each item, one for each text.
        texts: of the language model.
        grid: cells of the picture along height and width.
    """
    found = []
    for item, (row, own) in enumerate(zip(rows, items, strict=True)):
        begin, common = 0, in_common(row)
        for (prompt, answer), sample in zip(row, own, strict=True):
            for place, number, cells in spoken_of(sample, grid, texts.words(prompt)):
                found.append((item, place if place < common else begin + place, number, cells))
            begin += len(prompt) + len(answer) - 1 - common
    return Referents.of(found, grid[0] * grid[1]).entries()


def _ended(texts: Texts, answer: str) -> list[int]:
    return [*texts.ids(answer), texts.ends[0]]
