"""One interface for every transmission scheme: encode, send through the air, decode."""

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import nn

from ..accounting import ChannelUses
from ..air.base import AirInterface, Received
from ..draws import Draws
from ..signal import snr_db_to_no


@dataclass(frozen=True)
class Signal:
    """What a transmitter hands to the air interface.

    Args:
        symbols: [batch, max_num_symbols], complex; item i sends its first ``num_symbols[i]``.
        num_symbols: [batch], torch.int64.
        num_side: [batch], torch.int64; how many of them are side information (control header,
            CRC with its share of parity, masks, scales).
    """

    symbols: torch.Tensor
    num_symbols: torch.Tensor
    num_side: torch.Tensor


@dataclass(frozen=True)
class Reception:
    """What a link delivers.

    Args:
        payload: what was received, of the same type and meaning as the payload sent.
        ok: [batch], torch.bool; the receiver's own verdict (CRC). All true where a scheme has none,
            see :attr:`Link.has_verdict`.
        channel_uses: what the transmission cost, per item.
        snr_db: [batch], dB, Es/N0.
    """

    payload: Any
    ok: torch.Tensor
    channel_uses: ChannelUses
    snr_db: torch.Tensor


@dataclass(frozen=True)
class Departure:
    """A batch on its way, between a transmitter and a receiver.

    Args:
        payload: what was given to the link; only the form of what arrives is taken from it.
        signal: what the transmitter sends.
        snr_db: [batch], dB, Es/N0.
        body: what a scheme keeps of it for the gradient and for lengths that both sides know.
    """

    payload: Any
    signal: Signal
    snr_db: torch.Tensor
    body: Any = None


class Link(nn.Module, ABC):
    """A transmitter, an air interface and a receiver.

    A subclass writes :meth:`encode` and :meth:`decode`. The receiver side gets nothing but
    :class:`~tokencom.linklevel.air.Received`, so it cannot peek at the transmitter.

    Args:
        air: the air interface that everything sent goes through.
    """

    def __init__(self, air: AirInterface) -> None:
        super().__init__()
        self.air = air

    def through(self, air: AirInterface) -> Self:
        """Return this link over another air interface; both have the same parameters and buffers.

        Args:
            air: of the same precision, on the same device.

        Raises:
            TypeError: if ``air`` is none.
            ValueError: for another precision or device, or an air interface that the link cannot use.
        """
        if not isinstance(air, AirInterface):
            raise TypeError(f"air: {type(air).__name__} given; an AirInterface is needed")
        for name in ("precision", "device"):
            if getattr(air, name) != getattr(self.air, name):
                raise ValueError(
                    f"air: {name} {getattr(air, name)!r} given; the link's air has {getattr(self.air, name)!r}"
                )
        other = copy.copy(self)
        other._modules = dict(self._modules)
        other.air = air
        return other

    @property
    def has_verdict(self) -> bool:
        """Whether the receiver can ever call an item wrong; else ``ok`` says nothing, and nor does a block error rate.

        A link around other links has what these have; any other has a verdict unless it says otherwise.
        """
        inner = [child for child in self.children() if isinstance(child, Link)]
        return any(link.has_verdict for link in inner) if inner else True

    @abstractmethod
    def encode(self, payload: Any, snr_db: torch.Tensor) -> Signal:
        """Turn a batch of payloads into symbols of unit mean energy.

        Args:
            payload: a batch; its type is the scheme's own.
            snr_db: [batch], dB; the long-term SNR, which the transmitter may adapt to (the fade
                itself it does not know).
        """

    @abstractmethod
    def decode(self, received: Received) -> tuple[Any, torch.Tensor]:
        """Turn equalised symbols into payloads and the receiver's verdict, [batch], torch.bool."""

    def forward(self, payload: Any, snr_db: float | torch.Tensor, draws: Draws) -> Reception:
        """Send a batch once.

        Args:
            payload: as :meth:`encode` takes it.
            snr_db: scalar or [batch], dB, Es/N0 at one receive antenna averaged over fading.
            draws: where the fade and the noise come from.
        """
        departure = self.depart(payload, snr_db, draws)
        signal = departure.signal
        no = snr_db_to_no(departure.snr_db).to(self.air.device)
        received = self.air(signal.symbols, no, draws, num_symbols=signal.num_symbols)
        return self.arrive(departure, received)

    def depart(self, payload: Any, snr_db: float | torch.Tensor, draws: Draws) -> Departure:
        """Do the transmitter's half of :meth:`forward`; the parameters are the same."""
        snr_db = torch.as_tensor(snr_db, dtype=torch.float32).expand(len(payload))
        return Departure(payload, self.encode(payload, snr_db), snr_db)

    def arrive(self, departure: Departure, received: Received) -> Reception:
        """Do the receiver's half of :meth:`forward`.

        Args:
            departure: what :meth:`depart` returned.
            received: what became of its signal on the air.
        """
        decoded, ok = self.decode(received)
        uses = self.air.channel_uses(departure.signal.num_symbols, departure.signal.num_side)
        return Reception(payload=decoded, ok=ok, channel_uses=uses, snr_db=departure.snr_db)
