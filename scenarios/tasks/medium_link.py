"""A link for what samples hold: their image, or their text."""

from collections.abc import Sequence
from typing import Any

import torch

from ...linklevel.air.base import Received
from ...linklevel.draws import Draws
from ...linklevel.links.base import Link, Reception, Signal
from ...linklevel.validation import check_choice

MEDIA = ("image", "text")


class MediumLink(Link):
    """Sends one input of each sample, so that what arrives is the receiver's answer.

    ```
    sample ─► inputs[medium] ─► link ─► received image or text
    ```

    Args:
        link: for images or texts.
        medium: "image" or "text".

    Example:
        >>> from types import SimpleNamespace
        >>> from tokencom.linklevel.air import FlatAirInterface
        >>> from tokencom.linklevel.links import SourceLink
        >>> from tokencom.linklevel.sources import HuffmanText
        >>> air = FlatAirInterface(channel="awgn")
        >>> link = MediumLink(SourceLink(air=air, source=HuffmanText(), mcs=[(0.5, 2)], num_channel_uses=300), "text")
        >>> sample = SimpleNamespace(id="1", inputs={"text": "Down, down, down."})
        >>> link([sample], 12.0, Draws(seed=1)).payload
        ['Down, down, down.']
    """

    def __init__(self, link: Link, medium: str) -> None:
        super().__init__(link.air)
        self.link, self.medium = link, check_choice("medium", medium, MEDIA)

    def encode(self, payload: Sequence[Any], snr_db: torch.Tensor) -> Signal:
        """Turn samples into symbols; see :meth:`Link.encode`."""
        return self.link.encode(self._items(payload), snr_db)

    def decode(self, received: Received) -> tuple[Any, torch.Tensor]:
        """Turn equalised symbols into images or texts; see :meth:`Link.decode`."""
        return self.link.decode(received)

    def forward(self, payload: Sequence[Any], snr_db: float | torch.Tensor, draws: Draws) -> Reception:
        """Send a batch once; see :meth:`Link.forward`."""
        return self.link(self._items(payload), snr_db, draws)

    def clean(self, payload: Sequence[Any], snr_db: float | torch.Tensor) -> Any:
        """Return what the receiver has without channel errors.

        Raises:
            ValueError: if the link has no such reference.
        """
        return self._reference("clean")(self._items(payload), snr_db)

    def blind(self, payload: Sequence[Any]) -> Any:
        """Return what the receiver has if nothing arrives.

        Raises:
            ValueError: if the link has no such reference.
        """
        return self._reference("blind")(self._items(payload))

    def _reference(self, name: str) -> Any:
        line = getattr(self.link, name, None)
        if not callable(line):
            raise ValueError(f"link: {type(self.link).__name__} has no {name} reference")
        return line

    def _items(self, samples: Sequence[Any]) -> list[Any]:
        for sample in samples:
            if self.medium not in sample.inputs:
                raise ValueError(f"payload: sample {sample.id!r} has no {self.medium}, which the link sends")
        return [sample.inputs[self.medium] for sample in samples]
