"""Classical chains of several devices, and the same server's answer on what they deliver."""

from collections.abc import Sequence
from typing import Any, Self

import torch

from ...linklevel.air.base import AirInterface, Received
from ...linklevel.draws import Draws
from ...linklevel.links.base import Link, Reception, Signal
from ...linklevel.links.source import SourceLink
from ...linklevel.multiuser.access import summed
from ...linklevel.multiuser.link import MultiUserLink
from ...linklevel.side import cut
from ...linklevel.tokens import Tokens
from ..systems.link import encoded, reference_line
from ..systems.memory import SHARED, TokenMemory, joined
from ..systems.source_link import ReceivedItem
from .system import TokCom


class SourceDevicesLink(Link):
    """Sends what each device has by a classical chain of its own; all of the model runs behind the chains.

    ```
    video ────► source coder ─► digital link ─┐                  ┌─► video, or nothing ────┐
    audio ────► source coder ─► digital link ─┼─► access (air) ──┼─► audio, or nothing ────┼─► system ─► answer
    question ─► source coder ─► digital link ─┘                  └─► question, or nothing ─┘
    ```

    Each device has its own budget, fade and noise. One whose block fails its CRC, or is no intact file, delivers
    nothing: the item is answered as by a system in which that device is switched off, and where all fail, as one of
    which no token arrived. A system that was trained over a link has learned to read what that link's codecs make of
    tokens: these are then at the receiver too, without a channel.

    Args:
        system: the model, with all devices on.
        link: one :class:`~tokencom.linklevel.links.SourceLink` with a CRC for each device, in the order of
            ``system.config.devices``.
        trained_over: the link for tokens that the system was trained over; tokens go to the server as they are if
            `None`.
        memory: where tokens are kept; that of the process if `None`.

    Raises:
        TypeError: for another kind of system, or of a device's link.
        ValueError: for a system without text or with devices that are off, another number of links, or one without CRC.
    """

    def __init__(
        self, system: TokCom, link: MultiUserLink, *, trained_over: Link | None = None,
        memory: TokenMemory | None = None,
    ) -> None:  # fmt: skip
        _check(system, link)
        super().__init__(link.air)
        self.system, self.link, self.trained_over = system, link, trained_over
        self._memory = SHARED if memory is None else memory
        self._views: dict[tuple[str, ...], TokCom] = {}

    @property
    def has_verdict(self) -> bool:
        """Whether the receiver can call an item wrong; see :attr:`Link.has_verdict`."""
        return self.link.has_verdict

    def through(self, air: AirInterface) -> Self:
        """Return this link over another air interface of the devices; see :meth:`Link.through`."""
        other = super().through(air)
        other.link = self.link.through(air)
        return other

    def split(self, samples: Sequence[Any]) -> list[list[Any]]:
        """Return what each device has of samples.

        Raises:
            ValueError: for a sample that lacks it.
        """
        for device in self.system.config.devices:
            for sample in samples:
                if device.key not in sample.inputs:
                    raise ValueError(
                        f"inputs: sample {sample.id!r} has no {device.key!r}, which device {device.name!r} sends; it"
                        f" has {', '.join(sorted(sample.inputs))}"
                    )
        return [[sample.inputs[device.key] for sample in samples] for device in self.system.config.devices]

    def encode(self, payload: Sequence[Any], snr_db: torch.Tensor) -> Signal:
        """Turn samples into symbols, one device's behind the other's; see :meth:`Link.encode`."""
        signals = self.link.encode(self.split(payload), snr_db)
        counts, sides = ([getattr(one, name) for one in signals] for name in ("num_symbols", "num_side"))
        # Every item fills each device's budget, so there is no padding in between.
        return Signal(torch.cat([one.symbols for one in signals], 1), torch.stack(counts).sum(0),
                      torch.stack(sides).sum(0))  # fmt: skip

    def decode(self, received: Received) -> tuple[list[str], torch.Tensor]:
        """Turn equalised symbols, one device's behind the other's, into answers; see :meth:`Link.decode`."""
        parts, verdicts, snr_db = [], [], -10.0 * received.no.float().log10()
        links: Sequence[Any] = self.link.devices
        for link in links:
            stop = link.num_symbols
            items, ok = link.decode(Received(received.symbols[:, :stop], received.no_eff[:, :stop], received.no))
            received = cut(received, stop)
            parts.append(items)
            verdicts.append(ok)
        return self._answers(parts, snr_db), torch.stack(verdicts).all(0)

    def forward(self, payload: Sequence[Any], snr_db: Any, draws: Draws) -> Reception:
        """Send a round; see :meth:`MultiUserLink.forward`. ``snr_db`` of the result belongs to N0."""
        reception = self.link(self.split(payload), snr_db, draws)
        uses = summed([device.channel_uses for device in reception.devices], reception.uses.shared.airtime)
        no = self.link.access.levels(snr_db, len(payload)).no
        answers = self._answers(reception.payloads, snr_db)
        return Reception(answers, reception.ok, uses, -10.0 * no.float().log10())

    def clean(self, payload: Sequence[Any], snr_db: Any) -> list[str]:
        """Return the answers if the channel makes no error, at the rates chosen for ``snr_db``."""
        return self._answers(self.link.clean(self.split(payload), snr_db), snr_db)

    def blind(self, payload: Sequence[Any], snr_db: float = 0.0) -> list[str]:
        """Return the answers if no device delivers anything."""
        links: Sequence[Any] = self.link.devices
        return self._answers([link.blind(payload) for link in links], snr_db)

    def _answers(self, arrived: Sequence[Any], snr_db: Any) -> list[str]:
        """Return answers on what the devices delivered, one batch of :class:`DecodedItems` for each."""
        devices = self.system.config.devices
        items, found = [], []
        for row in range(len(arrived[0])):
            parts = list(zip(devices, arrived, strict=True))
            lost = tuple(device.name for device, part in parts if part.damaged[row])
            there = {device.key: part[row] for device, part in parts if device.name not in lost}
            items.append(ReceivedItem("received", there))
            found.append(self._tokens(items[-1], lost))
        with torch.no_grad():
            tokens = joined(found, self.system.dim)
            if self.trained_over is not None:
                tokens = reference_line(self.trained_over, "clean")(tokens, snr_db)
            return self.system.answer(tokens, items)

    def _tokens(self, item: ReceivedItem, lost: tuple[str, ...]) -> Tokens:
        """Return the tokens of an item without those of devices that delivered nothing, [1, num_tokens, dim]."""
        if len(lost) == len(self.system.config.devices):
            places = self.system.layout.agreed
            return Tokens(torch.zeros(1, places, self.system.dim), torch.zeros(1, places, dtype=torch.bool))
        if lost not in self._views:
            self._views[lost] = self.system.without(*lost)
        return encoded(self._views[lost], [item], self._memory, self)


def _check(system: Any, link: Any) -> None:
    if not isinstance(system, TokCom):
        raise TypeError(f"system: {type(system).__name__} given; a TokCom is needed")
    if not isinstance(link, MultiUserLink):
        raise TypeError(f"link: {type(link).__name__} given; a MultiUserLink is needed")
    if system.off:
        raise ValueError(f"system.off: {system.off} given; all devices send, so none may be off")
    if system.config.writer is None:
        raise ValueError("system.devices: none has text; the question is sent as well, so one is needed")
    names = [device.name for device in system.config.devices]
    if len(link.devices) != len(names):
        raise ValueError(f"link: {len(link.devices)} devices given; one for each of {', '.join(names)} is needed")
    for number, one in enumerate(link.devices):
        if not isinstance(one, SourceLink):
            raise TypeError(f"link.links[{number}]: {type(one).__name__} given; a SourceLink is needed")
        if one.modes[0].coding.crc is None:
            raise ValueError(
                f"link.links[{number}]: has no CRC; one is needed to tell whether a device delivered anything"
            )
