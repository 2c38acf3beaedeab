"""What can be trained: a model, items to train on, and losses."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import nn

from ...linklevel.draws import Draws
from .randomness import StepDraws, draw_snr_db


@runtime_checkable
class Trainable(Protocol):
    """A system that :func:`~tokencom.models.training.train` trains: codec only, joint, or anything else.

    An optional method ``evaluate(stage: Stage) -> dict[str, float]`` gives more to log, such as the accuracy
    on held-out items. An optional method ``begin(stages: Sequence[Stage], number: int) -> Iterable[str]`` is
    called before the first step of each stage, and at the end with the number of stages; it may change buffers,
    and parameters whose names it returns, such as those that are set by statistics of the data.

    Attributes:
        model: everything with parameters, the link included. The losses must be computed with it.
        num_items: items in the data set; `None` for a source without end.
    """

    model: nn.Module
    num_items: int | None

    def batch(self, items: np.ndarray) -> Any:
        """Return the items with these numbers, as tensors in dicts, lists or tuples.

        Args:
            items: [batch], numpy.int64. What they hold depends on the number only; augmentation
                belongs into :meth:`losses`, which has draws.
        """

    def losses(
        self, batch: Any, snr_db: torch.Tensor, draws: Draws, wanted: Collection[str]
    ) -> Mapping[str, torch.Tensor]:
        """Return scalar losses, means over the batch, by name.

        Args:
            batch: what :meth:`batch` returned, on the model's device.
            snr_db: [batch], dB, Es/N0 of each item.
            draws: where fades and noise come from.
            wanted: names of those that count now; others may be left out, and are logged if they are not.
        """


class Objective(nn.Module):
    """The weighted loss as a module, so that data-parallel wrappers see one forward pass.

    Args:
        trainable: the system.
        weights: of each loss.
        precision: "float32", or "bfloat16" for autocast.
    """

    def __init__(self, trainable: Trainable, weights: Mapping[str, float], precision: str) -> None:
        super().__init__()
        self.model = trainable.model
        self._trainable = (trainable,)  # in a tuple, so that a trainable that is a module is not a child
        self._weights = {name: weight for name, weight in weights.items() if weight}
        self._precision = precision

    def forward(self, batch: Any, snr_db: torch.Tensor, draws: Draws) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the loss to minimise and every loss by name."""
        with self._autocast(snr_db.device.type):
            terms = self._trainable[0].losses(batch, snr_db, draws, tuple(self._weights))
        missing = [name for name in self._weights if name not in terms]
        if missing:
            raise ValueError(f"losses: {missing[0]!r} is not among those of the system: {', '.join(map(repr, terms))}")
        total = sum(
            (weight * terms[name].float() for name, weight in self._weights.items()), torch.zeros(()).to(snr_db)
        )
        return total, {name: value.detach().float() for name, value in terms.items()}

    def _autocast(self, device: str) -> AbstractContextManager[Any]:
        return torch.autocast(device, torch.bfloat16) if self._precision == "bfloat16" else nullcontext()


def share_of_step(
    seed: int, stage: Any, step: int, items: np.ndarray, process: int, num_processes: int
) -> list[tuple[np.ndarray, torch.Tensor, StepDraws]]:
    """Return the parts of a step's batch that one process works on: items, SNRs and draws of each."""
    snr_db = draw_snr_db(seed, stage.name, step, stage.snr_db, len(items))
    num_parts = num_processes * stage.accumulation
    size = len(items) // num_parts
    parts = []
    for number in range(process * stage.accumulation, (process + 1) * stage.accumulation):
        own = slice(number * size, (number + 1) * size)
        parts.append((items[own], snr_db[own], StepDraws.of(seed, stage.name, step, number)))
    return parts
