"""What small encoders learn before they are frozen: the events that they hear or see."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ...linklevel.jscc.base import seeded

SOUNDS = ("", "tone", "chord", "noise burst")
COLOURS = ("red", "green", "blue", "yellow", "purple", "cyan", "orange", "white")
SHAPES = ("circle", "square", "triangle", "cross")
DIRECTIONS = ("left", "right", "up", "down")
NUM_LEVELS = 6
NUM_SHARES = 4
"""Interleaved quarters of the tokens, each of which has to tell everything, so that few of them do."""

UNKNOWN = -100
"""Target of what is not there; what torch's cross-entropy leaves out."""


class EventHead(nn.Module):
    """Tells what happens in each time slot, or what each colour's object is and when it jumps.

    Stands for the labels that the published encoders were pretrained with. Learned queries look at a quarter of the
    encoder's tokens, every fourth one.

    Args:
        modality: "audio" or "video".
        dim: width of the encoder's tokens.
        num_slots: of a clip.
        seed: of the initial parameters.
    """

    def __init__(self, modality: str, dim: int, *, num_slots: int, seed: int = 0) -> None:
        super().__init__()
        self.modality, self.num_slots = modality, num_slots
        # Audio: the kind of sound and its pitch in each slot. Video: what jumps in each slot; shape and direction.
        self.sizes = (len(SOUNDS), NUM_LEVELS) if modality == "audio" else (len(COLOURS) + 1,)
        with seeded(seed):
            num_queries = num_slots + (0 if modality == "audio" else len(COLOURS))
            self.queries = nn.Parameter(torch.randn(num_queries, dim) * dim**-0.5)
            self.attention = nn.MultiheadAttention(dim, 4, batch_first=True)
            self.slots = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, sum(self.sizes)))
            things = len(SHAPES) + 1 + len(DIRECTIONS)
            self.things = None if modality == "audio" else nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, things))

    def loss(self, tokens: torch.Tensor, targets: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the sum of the mean cross-entropies, a scalar.

        Args:
            tokens: [batch, N, dim], of the encoder, before Slide.
            targets: of :func:`event_targets`.
        """
        shares = [self._loss(tokens[:, start::NUM_SHARES], targets) for start in range(NUM_SHARES)]
        return torch.stack(shares).mean()

    def _loss(self, tokens: torch.Tensor, targets: Mapping[str, torch.Tensor]) -> torch.Tensor:
        queries = self.queries.expand(len(tokens), -1, -1)
        found = queries + self.attention(queries, tokens, tokens, need_weights=False)[0]
        slots = self.slots(found[:, : self.num_slots])
        if self.things is None:
            kind, level = slots.split(self.sizes, -1)
            return _entropy(kind, targets["sound"]) + _entropy(level, targets["level"])
        shape, direction = self.things(found[:, self.num_slots :]).split((len(SHAPES) + 1, len(DIRECTIONS)), -1)
        return (
            _entropy(slots, targets["jump"])
            + _entropy(shape, targets["shape"])
            + _entropy(direction, targets["direction"])
        )


def _entropy(scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    wanted = target != UNKNOWN
    if not bool(wanted.any()):
        return scores.sum() * 0
    return nn.functional.cross_entropy(scores[wanted].float(), target[wanted])


def event_targets(graph: Mapping[str, Any], num_slots: int) -> dict[str, torch.Tensor]:
    """Return what :class:`EventHead` has to tell of a clip.

    Args:
        graph: as ``avqa_synth`` has it in ``extra["graph"]``.
        num_slots: of the clip.

    Returns:
        ``sound``, ``level``, ``jump`` [num_slots] and ``shape``, ``direction`` [8], torch.int64, by colour.

    Raises:
        ValueError: for an event behind the last slot.
    """
    sound, jump = torch.zeros(num_slots, dtype=torch.int64), torch.zeros(num_slots, dtype=torch.int64)
    level = torch.full((num_slots,), UNKNOWN)
    shape, direction = torch.zeros(len(COLOURS), dtype=torch.int64), torch.full((len(COLOURS),), UNKNOWN)
    for thing in graph["things"]:
        place = COLOURS.index(thing["colour"])
        shape[place] = 1 + SHAPES.index(thing["shape"])
        direction[place] = DIRECTIONS.index(thing["direction"])
    for event in graph["events"]:
        slot = event["slot"]
        if slot >= num_slots:
            raise ValueError(f"graph: an event in slot {slot} of {num_slots}; the encoder's frames are the slots")
        jump[slot] = 1 + COLOURS.index(graph["things"][event["thing"]]["colour"])
        sound[slot] = SOUNDS.index(event["sound"])
        if event["sound"] in {"tone", "chord"}:
            level[slot] = event["level"]
    return {"sound": sound, "level": level, "jump": jump, "shape": shape, "direction": direction}
