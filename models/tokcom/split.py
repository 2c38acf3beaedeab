"""Split learning: devices and server are apart, and exchange tokens and gradients only (Algorithm 1)."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from ...linklevel.draws import Draws
from ...linklevel.links.base import Link
from ...linklevel.multiuser.devices import draws_of_device
from ...linklevel.tokens import Tokens
from ..baselines.layout import Layout
from .alignment import alignment_loss
from .backward import REAL_BYTES, BackwardLink, PerfectBackward
from .batches import Batch
from .devices import Transmitter
from .server import Server
from .system import TokCom

FIRST_BACKWARD = 1000
"""Number, as a user of draws, of the first device's way back."""


@dataclass
class Traffic:
    """What a round moves, by device.

    Args:
        up_bytes: of tokens to the server, in 32-bit numbers.
        down_bytes: of gradients to the devices; 0 for a device that trains nothing.
        up_uses: complex resource elements of the uplink; 0 where tokens arrive as they are.
        down_uses: the same of the way back, where gradients cross as symbols.
    """

    up_bytes: dict[str, int] = field(default_factory=dict)
    down_bytes: dict[str, int] = field(default_factory=dict)
    up_uses: dict[str, int] = field(default_factory=dict)
    down_uses: dict[str, int] = field(default_factory=dict)

    @property
    def total_bytes(self) -> int:
        """In both directions, of all devices."""
        return sum(self.up_bytes.values()) + sum(self.down_bytes.values())


class Device(nn.Module):
    """What a device has: its transmitter, or a copy of the frozen embedding where it has text.

    Args:
        name: of the device.
        transmitter: of what it hears or sees; `None` for text.
        embedding: [vocab_size, dim]; of text.
    """

    def __init__(self, name: str, transmitter: Transmitter | None, embedding: torch.Tensor | None = None) -> None:
        super().__init__()
        self.name, self.transmitter = name, transmitter
        self.register_buffer("embedding", None if embedding is None else embedding.detach().clone())
        self._sent: torch.Tensor | None = None

    def send(self, batch: Batch) -> Tokens:
        """Return the message to the server, cut off from the device's graph.

        Args:
            batch: what the device has of it.
        """
        if self.transmitter is not None:
            tokens = Tokens(self.transmitter.send(batch).float())
        else:
            assert isinstance(self.embedding, torch.Tensor)
            count = int(batch["owner"].max()) + 1
            pictured = torch.ones(count, dtype=torch.bool, device=batch["owner"].device)
            words = nn.functional.embedding(batch["words"], self.embedding).float()
            tokens = Layout(batch["owner"], batch["lengths"], pictured, 0).joined(None, words)
        self._sent = tokens.values
        return Tokens(tokens.values.detach(), tokens.mask)

    @property
    def learns(self) -> bool:
        """Whether anything of the device follows a gradient; known after :meth:`send`."""
        return self._sent is not None and self._sent.requires_grad

    def back(self, gradient: torch.Tensor) -> None:
        """Go on with the gradient by what was sent, [batch, num_tokens, dim], to the device's parameters.

        Raises:
            ValueError: if nothing was sent before, or a gradient of another shape comes back.
        """
        sent, self._sent = self._sent, None
        if sent is None or gradient.shape != sent.shape:
            wanted = "send first" if sent is None else f"{list(sent.shape)} is needed"
            raise ValueError(f"gradient: {list(gradient.shape)} given to device {self.name!r}; {wanted}")
        if sent.requires_grad:
            sent.backward(gradient.to(sent))


def deployed(system: TokCom) -> tuple[list[Device], Server]:
    """Return copies of a system's devices that are on, and of its server, which share no tensor.

    Args:
        system: its adapters and flags of what is trained are copied too.
    """
    found = []
    for config in system.active:
        if config.modality == "text":
            found.append(Device(config.name, None, system.language.embedding))
        else:
            found.append(Device(config.name, copy.deepcopy(system.devices[config.name])))  # type: ignore[arg-type]
    return found, copy.deepcopy(system.server)


class SplitRound:
    """A round of split learning.

    ```
    device  tokens ──► link m ─────► server: G_m, language model, loss
      F_m ◄── gradient ◄── backward link ◄── gradient by received tokens
    ```

    The server's gradient by the received tokens returns over ``backward``; the derivative of the link, whose channel
    the device is taken to know, follows there. Gradients add up in ``.grad``, as with PyTorch's own.

    Args:
        devices: those that are on, in the server's order.
        server: that answers, or aligns, by its configuration.
        links: one for each device; what is sent arrives as it is if `None`.
        backward: the way back; perfect if `None`.

    Raises:
        ValueError: for another number of devices or links than the server's layout has.
    """

    def __init__(
        self, devices: Sequence[Device], server: Server, *, links: Sequence[Link] | None = None,
        backward: BackwardLink | None = None,
    ) -> None:  # fmt: skip
        names = tuple(device.name for device in devices)
        if names != server.layout.names:
            raise ValueError(f"devices: {names} given; the server listens to {server.layout.names}, in this order")
        if links is not None and len(links) != len(devices):
            raise ValueError(f"links: {len(links)} given for {len(devices)} devices; one for each is needed")
        self.devices, self.server, self.links = list(devices), server, links
        self.backward = backward or PerfectBackward()

    def run(
        self, batch: Batch, *, snr_db: float | Sequence[float] = 0.0, draws: Draws | None = None
    ) -> tuple[torch.Tensor, Traffic]:
        """Run forward and back; return the loss, a scalar without gradient, and what was moved.

        Args:
            batch: of :meth:`TokCom.collate`; each device reads its own entries, the server the references and, where
                it has the question, that.
            snr_db: dB, Es/N0; of all devices, or one for each.
            draws: of fades and noise; needed unless both ways are perfect or quantised.

        Raises:
            ValueError: for a list of SNRs of the wrong length, or no draws where they are needed.
        """
        count = len(self.devices)
        snrs = [float(snr_db)] * count if isinstance(snr_db, int | float) else list(snr_db)
        if len(snrs) != count:
            raise ValueError(f"snr_db: {len(snrs)} given for {count} devices; one for each is needed, or one for all")
        if draws is None and (self.links is not None or self.backward.draws_noise):
            raise ValueError(
                "draws: None given; links and a noisy way back need a source of noise, such as Draws(seed=1)"
            )
        draws = draws or Draws(seed=0)
        traffic = Traffic()
        sent = [device.send(batch) for device in self.devices]
        for tokens in sent:
            tokens.values.requires_grad_()
        arrived = [self._up(number, sent[number], snrs[number], draws, traffic) for number in range(count)]
        heard = [Tokens(part.values.detach().requires_grad_(), part.mask) for part in arrived]
        loss = self._loss(heard, batch)
        loss.backward()
        for number in range(count):
            self._down(number, sent[number], arrived[number], heard[number], draws, traffic)
        return loss.detach(), traffic

    def _up(self, number: int, sent: Tokens, snr_db: float, draws: Draws, traffic: Traffic) -> Tokens:
        name = self.devices[number].name
        traffic.up_bytes[name] = int(sent.mask.sum()) * sent.values.shape[2] * REAL_BYTES
        traffic.up_uses[name] = 0
        if self.links is None:
            return sent
        own = draws_of_device(draws, number)
        reception = self.links[number](sent, snr_db, own)
        traffic.up_uses[name] = int(reception.channel_uses.total.sum())
        return reception.payload

    def _loss(self, heard: Sequence[Tokens], batch: Batch) -> torch.Tensor:
        tokens = self.server.layout.joined(heard)
        if self.server.config.objective == "alignment":
            return alignment_loss(self.server, self.server.received(tokens), batch)
        return self.server.loss(tokens, _of_server(self.server, batch))

    def _down(
        self, number: int, sent: Tokens, arrived: Tokens, heard: Tokens, draws: Draws, traffic: Traffic
    ) -> None:  # fmt: skip
        """Return the gradient to a device that learns, or whose link does."""
        device = self.devices[number]
        traffic.down_bytes[device.name] = traffic.down_uses[device.name] = 0
        learns = self.links is not None and any(p.requires_grad for p in self.links[number].parameters())
        if heard.values.grad is None or not (device.learns or learns):
            return
        way = draws_of_device(draws, FIRST_BACKWARD + number)
        returned = self.backward.send(Tokens(heard.values.grad, arrived.mask), way)
        traffic.down_bytes[device.name] = returned.num_bytes
        traffic.down_uses[device.name] = returned.channel_uses
        gradient = returned.gradient.to(arrived.values)
        if arrived.values is not sent.values:
            arrived.values.backward(gradient)
            gradient = sent.values.grad if sent.values.grad is not None else torch.zeros_like(sent.values)
        device.back(gradient)


def _of_server(server: Server, batch: Batch) -> Mapping[str, torch.Tensor]:
    """Return what of a batch is the server's: references, and the question only where no device sends it."""
    if server.config.writer is None:
        return batch
    # Of words that cross, the server knows where they lie, as a link's header tells it.
    return {**batch, "words": torch.zeros_like(batch["words"])}
