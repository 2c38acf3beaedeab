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
        ok: [batch], torch.bool; the receiver's own verdict (CRC). All true where a scheme has none.
        channel_uses: what the transmission cost, per item.
        snr_db: [batch], dB, Es/N0.
    """

    payload: Any
    ok: torch.Tensor
    channel_uses: ChannelUses
    snr_db: torch.Tensor


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
        snr_db = torch.as_tensor(snr_db, dtype=torch.float32).expand(len(payload))
        signal = self.encode(payload, snr_db)
        received = self.air(
            signal.symbols, snr_db_to_no(snr_db), draws, num_symbols=signal.num_symbols
        )
        decoded, ok = self.decode(received)
        uses = self.air.channel_uses(signal.num_symbols, signal.num_side)
        return Reception(payload=decoded, ok=ok, channel_uses=uses, snr_db=snr_db)
