"""One link over several air interfaces, for training."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch

from ...linklevel.air.base import AirInterface
from ...linklevel.draws import Draws
from ...linklevel.links.base import Link


class Shares:
    """Lets equal shares of a batch cross different air interfaces with the same parameters.

    Args:
        link: whose parameters.
        airs: air interfaces; the link's own if empty.
    """

    def __init__(self, link: Link, airs: Sequence[AirInterface] = ()) -> None:
        self.link = link
        self.links = tuple(link.through(air) for air in airs) or (link,)

    @property
    def count(self) -> int:
        """Number of air interfaces."""
        return len(self.links)

    def send(self, payloads: Sequence[Any], snr_db: torch.Tensor, draws: Draws) -> tuple[list[Any], torch.Tensor]:
        """Send the shares of a batch, each through its air interface, with draws of its own.

        Args:
            payloads: as many as there are air interfaces; empty ones are left out.
            snr_db: [batch], dB.
            draws: of the batch.

        Returns:
            what was received of each share, and the mean of the links' auxiliary losses, a scalar.
        """
        received, losses = [], []
        shares = zip(self.links, payloads, snr_db.tensor_split(self.count), strict=True)
        for number, (link, payload, snr) in enumerate(shares):
            if len(payload):
                link.training = self.link.training  # of the parts below, the two are the same objects
                own = dataclasses.replace(draws, batch=draws.batch * self.count + number)
                received.append(link(payload, snr, own).payload)
                losses.append(getattr(link, "auxiliary_loss", torch.zeros(())).to(snr))
        return received, torch.stack(losses).mean()
