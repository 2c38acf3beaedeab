"""Samples as tensors: what devices see and hear, what is asked, and what is to be answered."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ...linklevel.validation import nearest
from ..taichi.batches import NOTHING, clustered, padded
from ..taichi.texts import Texts
from .captions import caption_of
from .pretext import event_targets

Batch = Mapping[str, torch.Tensor]


def items_of(samples: Sequence[Any]) -> tuple[list[Any], list[Any], torch.Tensor]:
    """Return the first sample of each item (of each cluster), all samples by item, and the item of each."""
    items = clustered(samples)
    owner = torch.tensor([number for number, own in enumerate(items) for _ in own])
    return [own[0] for own in items], [sample for own in items for sample in own], owner


def words_of(texts: Texts, said: Sequence[str], owner: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return texts as ids: ``words`` [num_texts, width], ``lengths`` and ``owner`` [num_texts], torch.int64."""
    ids, there = padded([texts.ids(text) for text in said], texts.pad)
    return {"words": ids, "lengths": there.sum(1), "owner": owner}


def question_of(sample: Any, key: str) -> str:
    """Return the text that a sample's device has.

    Raises:
        ValueError: if it has none.
    """
    if key not in sample.inputs:
        raise ValueError(
            f"inputs: sample {sample.id!r} has no {key!r}, which the device with text needs; it has"
            f" {', '.join(sorted(sample.inputs))}"
        )
    return str(sample.inputs[key])


def described(samples: Sequence[Any]) -> list[str]:
    """Return the description of each sample's clip.

    Raises:
        ValueError: for a sample without one.
    """
    said = [caption_of(sample) for sample in samples]
    for sample, text in zip(samples, said, strict=True):
        if text is None:
            raise ValueError(
                f"objective: 'alignment' needs a description of each clip, but sample {sample.id!r} has neither"
                " extra['graph'] nor, without a question, a reference"
            )
    return [str(text) for text in said]


def answers_of(texts: Texts, samples: Sequence[Any], answers: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return references: ``target`` [num_texts, width], ids with an end, and ``label`` [num_texts], places in a list.

    Args:
        texts: of the language model.
        samples: whose first reference is the answer.
        answers: of the discriminative head; empty for no labels.

    Raises:
        ValueError: for an answer that is not in the list.
    """
    rows = [[*texts.ids(" " + sample.references[0]), texts.ends[0]] for sample in samples]
    target = {"target": padded(rows, NOTHING)[0]}
    if not answers:
        return target
    places = {answer: place for place, answer in enumerate(answers)}
    for sample in samples:
        if sample.references[0] not in places:
            close = nearest(sample.references[0], answers)
            raise ValueError(
                f"answers: {sample.references[0]!r}, the answer of sample {sample.id!r}, is none of the"
                f" {len(answers)} of the discriminative head; add it" + (f" (there is {close!r})" if close else "")
            )
    return target | {"label": torch.tensor([places[sample.references[0]] for sample in samples])}


def captions_of(texts: Texts, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
    """Return ``caption`` [items, width] and ``caption_lengths`` [items]; nothing if a sample has no description."""
    said = [caption_of(sample) for sample in samples]
    known = [text for text in said if text is not None]
    if len(known) < len(said):
        return {}
    ids, there = padded([texts.ids(text) for text in known], texts.pad)
    return {"caption": ids, "caption_lengths": there.sum(1)}


def events_of(samples: Sequence[Any], num_slots: int) -> dict[str, torch.Tensor]:
    """Return the references of ``events``, see :func:`~.pretext.event_targets`.

    Nothing is returned without event graphs, or where an event is behind the last slot.
    """
    graphs = [sample.extra.get("graph") if sample.extra else None for sample in samples]
    known = [graph for graph in graphs if graph is not None]
    if len(known) < len(graphs) or any(event["slot"] >= num_slots for graph in known for event in graph["events"]):
        return {}
    rows = [event_targets(graph, num_slots) for graph in known]
    return {f"event_{name}": torch.stack([row[name] for row in rows]) for name in rows[0]}
