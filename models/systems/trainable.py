"""Token systems that can be trained, and their training over a link."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ...linklevel.air.base import AirInterface
from ...linklevel.draws import Draws
from ...linklevel.tokens import Tokens, joined
from .base import TokenSystem
from .link import SystemLink
from .shares import Shares
from .training_items import ItemsInTurn, TrainingItems, evenly

OVER_THE_AIR = ("task", "mse", "link")
"""Losses that need what was received."""

NUM_FIT_ITEMS = 512
"""Items whose tokens give a codec or quantiser its statistics."""

FIT_BATCH = 32


class TrainableSystem(TokenSystem):
    """A token system that can be trained, alone or with a link.

    ```
    samples ─► collate ─► batch ─► tokens ─► [link] ─► loss
                              └──────────────────────────┘ references
    ```

    What is pretrained and frozen is kept out of the module's state (a tuple hides it from PyTorch); what is trained,
    adapters included, is in it.
    """

    draws = False
    """Whether training batches have ``seed``, [], torch.int64, from which tokens and losses draw."""

    starts_fresh: tuple[str, ...] = ()
    """Beginnings of names of parameters that weights to start from may lack: a head of another kind of answer."""

    @abstractmethod
    def configuration(self) -> dict[str, Any]:
        """Return what trained weights of this system belong to: ``type`` and all that shapes them, JSON types."""

    @abstractmethod
    def collate(self, samples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return inputs and references of a training batch.

        Args:
            samples: of a batch. Those of one ``cluster`` (questions about one image) may share what is sent: the
                batch's items are then the clusters, in order of first appearance.

        Returns:
            tensors on any device, by name; whatever :meth:`tokens` and :meth:`loss` need.
        """

    @abstractmethod
    def tokens(self, batch: Mapping[str, torch.Tensor]) -> Tokens:
        """Return what the transmitter sends, with gradient: values [num_items, num_tokens, dim]."""

    @abstractmethod
    def loss(self, tokens: Tokens, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean loss of the receiver's answers, a scalar.

        Args:
            tokens: [num_items, num_tokens, dim], sent or received; an item may have none at all.
            batch: what :meth:`collate` returned.
        """

    def auxiliary(self, batch: Mapping[str, torch.Tensor], wanted: Collection[str]) -> dict[str, torch.Tensor]:
        """Return further losses by name, scalars; those that are not in ``wanted`` may be left out."""
        return {}

    def prepare(self, samples: Sequence[Any]) -> None:
        """Take statistics of training data into buffers; called once, before the first stage.

        Args:
            samples: at most 512 of them, evenly spread over the data set.
        """
        return


class LinkTraining:
    """Trains a system and its link; see :class:`~tokencom.models.training.Trainable`.

    Losses: ``clean``, the system's on sent tokens; ``task``, on received tokens; ``mse``, the mean squared error
    of received tokens against sent ones (which get no gradient from being the target); ``link``, the link's own
    (commitment of a learned quantiser); and those of ``system.auxiliary``. Only wanted ones are computed, and the
    encoder runs once in a step.

    The statistics that a codec or quantiser needs are taken from sent tokens before the first stage that uses the
    link, or after the last one if none does.

    Args:
        model: a :class:`TrainableSystem` around a link.
        data: the samples, read when they are needed and then kept in memory, up to a bound; or several data sets,
            as a tuple, which steps take in turn.
        airs: air interfaces that cross equal shares of every batch; the link's own if empty.
        group: most samples of a cluster in a step, an item being a cluster; each sample is an item if `None`.
        seed: of the order of items, and of which samples of a cluster are drawn.
        started: whether the system, and the link, begin with trained weights.

    Raises:
        TypeError: for a system that cannot be trained.
        ValueError: for an empty data set.
    """

    num_items = None
    """Items are counted: :class:`TrainingItems` says which samples each has."""

    def __init__(
        self, model: SystemLink, data: Sequence[Any] | tuple[Sequence[Any], ...], *,
        airs: Sequence[AirInterface] = (), group: int | None = None, seed: int = 0,
        started: tuple[bool, bool] = (False, False),
    ) -> None:  # fmt: skip
        if not isinstance(model.system, TrainableSystem):
            raise TypeError(
                f"system: {type(model.system).__name__} cannot be trained; a TrainableSystem is needed, or weights"
            )
        self.model = model
        self.system: TrainableSystem = model.system
        self._data = data if isinstance(data, tuple) else (data,)
        items = [TrainingItems(one, group=group, seed=seed) for one in self._data]
        self.items = ItemsInTurn(items) if len(items) > 1 else items[0]
        self._started = started
        self._shares = Shares(model.link, airs)

    def batch(self, items: np.ndarray) -> dict[str, torch.Tensor]:
        """Return the inputs and references of items [batch], numpy.int64, counted from 0 without end."""
        return self.system.collate(self.items.samples(items))

    def losses(
        self, batch: Mapping[str, torch.Tensor], snr_db: torch.Tensor, draws: Draws, wanted: Collection[str]
    ) -> dict[str, torch.Tensor]:
        """Return the wanted losses, scalars; see :class:`~tokencom.models.training.Trainable`."""
        terms: dict[str, torch.Tensor] = {}
        if self.system.draws:
            batch = {**batch, "seed": torch.tensor(draws.seed_of("receiver") >> 1)}
        if "clean" in wanted or any(name in wanted for name in OVER_THE_AIR):
            sent = self.system.tokens(batch)
            if len(sent) != len(snr_db):
                raise ValueError(f"system: {len(sent)} items of tokens made of {len(snr_db)} items of samples")
            if "clean" in wanted:
                terms["clean"] = self.system.loss(sent, batch)
            if any(name in wanted for name in OVER_THE_AIR):
                terms |= self._received(sent, batch, snr_db, draws, wanted)
        others = [name for name in wanted if name not in ("clean", *OVER_THE_AIR)]
        return terms | (self.system.auxiliary(batch, others) if others else {})

    def _received(
        self, sent: Tokens, batch: Mapping[str, torch.Tensor], snr_db: torch.Tensor, draws: Draws,
        wanted: Collection[str],
    ) -> dict[str, torch.Tensor]:  # fmt: skip
        """Return the wanted losses of what crossed the air."""
        parts, auxiliary = self._shares.send(_split(sent, self._shares.count), snr_db, draws)
        arrived = joined(parts, 0)
        terms: dict[str, torch.Tensor] = {}
        if "task" in wanted:
            terms["task"] = self.system.loss(arrived, batch)
        if "mse" in wanted:
            terms["mse"] = (arrived.values - sent.values.detach())[sent.mask].square().mean()
        if "link" in wanted:
            terms["link"] = auxiliary
        return terms

    @torch.no_grad()
    def begin(self, stages: Sequence[Any], number: int) -> list[str]:
        """Take statistics of the training data where they are due.

        Args:
            stages: all of the training.
            number: of the stage that begins; as many as there are stages at the end.

        Returns:
            names of parameters that were set.
        """
        prepares = type(self.system).prepare is not TrainableSystem.prepare
        if number == 0 and prepares and not self._started[0]:
            most = NUM_FIT_ITEMS // len(self._data)
            self.system.prepare([one[place] for one in self._data for place in evenly(len(one), most)])
        part: Any = getattr(self.model.link, "codec", getattr(self.model.link, "quantizer", None))
        first = next((place for place, stage in enumerate(stages) if _uses_link(stage)), len(stages))
        if number != first or self._started[1] or not hasattr(part, "fit"):
            return []
        values = []
        for samples in self.items.spread(NUM_FIT_ITEMS, FIT_BATCH):
            tokens = self.system.tokens(self._moved(self.system.collate(samples)))
            values.append(tokens.values[tokens.mask])
        part.fit(torch.cat(values))
        return [name for name, _ in self.model.named_parameters() if name.startswith("link.")]

    def _moved(self, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        device = next((p.device for p in self.model.parameters()), torch.device("cpu"))
        return {name: tensor.to(device) for name, tensor in batch.items()}


def _split(tokens: Tokens, count: int) -> list[Tokens]:
    """Return equal shares of a batch, in order; without the empty ones of a batch that is too small."""
    shares = zip(tokens.values.tensor_split(count), tokens.mask.tensor_split(count), strict=True)
    return [Tokens(values, mask) for values, mask in shares]


def _uses_link(stage: Any) -> bool:
    """Tell whether a stage trains the link, or lets something cross it."""
    trains = any(pattern.startswith(("link", "*")) for pattern in stage.trainable)
    return trains or any(stage.losses.get(name) for name in OVER_THE_AIR)
