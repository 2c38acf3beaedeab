"""Training of a learned link for images, without a system."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from ...linklevel.air.base import AirInterface
from ...linklevel.draws import Draws
from ...linklevel.links.base import Link
from .shares import Shares
from .training_items import TrainingItems


class ImageTraining:
    """Trains a link whose payload is images; see :class:`~tokencom.models.training.Trainable`.

    The loss is ``mse``, the mean squared error of received images with pixels in [0, 1].

    Args:
        link: for images of the data set's size.
        data: samples with an ``image``, [height, width, 3], numpy.uint8.
        airs: air interfaces that cross equal shares of every batch; the link's own if empty.
        seed: of the order of items.

    Raises:
        ValueError: for an empty data set.
    """

    num_items = None
    """Items are counted; see :class:`~.training_items.TrainingItems`."""

    def __init__(self, link: Link, data: Sequence[Any], *, airs: Sequence[AirInterface] = (), seed: int = 0) -> None:
        self.model: nn.Module = nn.ModuleDict({"link": link})
        self.items = TrainingItems(data, seed=seed)
        self._shares = Shares(link, airs)

    def batch(self, items: np.ndarray) -> torch.Tensor:
        """Return images, [batch, 3, height, width], torch.float32 in [0, 1]."""
        rows = [sample.inputs["image"] for sample in self.items.samples(items)]
        return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).float() / 255.0

    def losses(
        self, batch: torch.Tensor, snr_db: torch.Tensor, draws: Draws, wanted: Collection[str]
    ) -> Mapping[str, torch.Tensor]:
        """Return the mean squared error as ``mse``, over the whole batch."""
        received, _ = self._shares.send(batch.tensor_split(self._shares.count), snr_db, draws)
        return {"mse": (torch.cat(received) - batch).square().mean()}
