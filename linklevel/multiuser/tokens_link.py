"""Several devices behind the interface of one link: an item's tokens are those of the devices in turn."""

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import nn

from ..air.base import AirInterface, Received
from ..draws import Draws
from ..links.base import Link, Reception, Signal
from ..links.token_base import TokenLink
from ..packing import pack
from ..side import cut
from ..signal import sent_mask
from ..tokens import Tokens, joined
from ..validation import check_range
from .access import MultipleAccess, summed
from .link import MultiUserLink


class Parts(nn.ModuleList):
    """Codecs and quantisers of several devices, which take statistics of the same tokens."""

    def fit(self, values: torch.Tensor) -> None:
        """Take mean and deviation of training data; see ``TokenCodec.fit``."""
        for part in self:
            fit: Any = getattr(part, "fit", None)
            if fit is not None:
                fit(values)


class DevicesLink(Link):
    """Sends an item's tokens from several devices over one scheme of access.

    ```
    item  │ device 1: n_1 tokens │ device 2: n_2 tokens │ ... │ device M: the rest │ padding
    ```

    All numbers of tokens but the last are agreed, so these links may have ``length="known"``; the mask says
    which of them are there, and a device that is switched off has none. Drops in wherever a link for tokens does. The
    channel uses are the sum over the devices, whether they share elements or not; the airtime is the round's.

    Args:
        links: one link for tokens per device, all for tokens of one width.
        access: orthogonal or uplink MIMO.
        num_tokens: agreed number of tokens of each device but the last.

    Raises:
        TypeError: for links that are not for tokens.
        ValueError: for lists of other lengths.

    Example:
        >>> from tokencom.linklevel import AnalogLink, FlatAirInterface
        >>> from tokencom.linklevel.multiuser import UplinkMIMO
        >>> access = UplinkMIMO(FlatAirInterface(channel="rayleigh", num_rx_ant=4), 2)
        >>> link = DevicesLink([AnalogLink(access.air, 8, length="known") for _ in range(2)], access, num_tokens=[5])
        >>> reception = link(Tokens(torch.randn(3, 7, 8)), 20.0, Draws(seed=1))
        >>> tuple(reception.payload.values.shape), reception.channel_uses.total[0].item()
        ((3, 7, 8), 124)
    """

    def __init__(self, links: Sequence[Link], access: MultipleAccess, *, num_tokens: Sequence[int]) -> None:
        for m, link in enumerate(links):
            if not isinstance(link, TokenLink):
                raise TypeError(f"links[{m}]: {type(link).__name__} given; a link for tokens is needed")
        if len(num_tokens) != len(links) - 1:
            raise ValueError(
                f"num_tokens: {len(num_tokens)} given for {len(links)} devices; one for each but the last is needed"
            )
        super().__init__(access.air)
        self.users = MultiUserLink(links, access)
        self.num_tokens = tuple(
            check_range(f"num_tokens[{m}]", count, 0, 2**20, integer=True) for m, count in enumerate(num_tokens)
        )

    @property
    def has_verdict(self) -> bool:
        """Whether the receiver can call an item wrong; see :attr:`Link.has_verdict`."""
        return self.users.has_verdict

    @property
    def codec(self) -> Parts:
        """Codecs and quantisers of the devices."""
        found: list[Any] = [getattr(link, "codec", getattr(link, "quantizer", None)) for link in self.users.devices]
        return Parts(part for part in found if part is not None)

    @property
    def auxiliary_loss(self) -> torch.Tensor:
        """Sum of the links' auxiliary losses, a scalar."""
        return self.users.auxiliary_loss

    def through(self, air: AirInterface) -> Self:
        """Return this link over another air interface of the devices; see :meth:`Link.through`."""
        other = super().through(air)
        other.users = self.users.through(air)
        return other

    def split(self, payload: Any) -> list[Tokens]:
        """Return each device's tokens.

        Raises:
            TypeError: for what is no tokens.
            ValueError: for fewer positions than are agreed.
        """
        if not isinstance(payload, Tokens):
            raise TypeError(f"payload: {type(payload).__name__} given; DevicesLink takes Tokens")
        width, agreed = payload.values.shape[1], sum(self.num_tokens)
        if width < agreed:
            raise ValueError(
                f"payload: {width} tokens given; {self.num_tokens} are agreed for all devices but the last"
            )
        sizes = [*self.num_tokens, width - agreed]
        return list(map(Tokens, payload.values.split(sizes, 1), payload.mask.split(sizes, 1)))

    def encode(self, payload: Any, snr_db: torch.Tensor) -> Signal:
        """Turn tokens into symbols, one device's behind the other's; see :meth:`Link.encode`."""
        signals = self.users.encode(self.split(payload), snr_db)
        symbols = torch.cat([signal.symbols for signal in signals], 1)
        keep = torch.cat([sent_mask(signal.num_symbols, signal.symbols.shape[1]) for signal in signals], 1)
        packed, count = pack(symbols[:, None], keep[:, None])
        return Signal(packed, count, torch.stack([signal.num_side for signal in signals]).sum(0))

    def decode(self, received: Received) -> tuple[Tokens, torch.Tensor]:
        """Turn equalised symbols, one device's behind the other's, into tokens; see :meth:`Link.decode`.

        Of all devices but the last, every agreed token is taken to be there.
        """
        parts, verdicts = [], []
        links: Sequence[Any] = self.users.devices
        for link, count in zip(links, (*self.num_tokens, None), strict=True):
            mask, start, heard = None, 0, received
            if count is not None:
                mask = torch.ones(len(received.symbols), count, dtype=torch.bool, device=received.symbols.device)
                like = Tokens(torch.ones(1, count, self._width(link)))
                start = int(link.encode(like, torch.zeros(1)).num_symbols[0])
                heard = Received(received.symbols[:, :start], received.no_eff[:, :start], received.no)
            tokens, ok = link.decode(heard, mask=mask, num_tokens=count)
            received = cut(received, start)
            parts.append(tokens)
            verdicts.append(ok)
        return joined(parts), torch.stack(verdicts).all(0)

    @staticmethod
    def _width(link: Any) -> int:
        width = link._dim()
        if width is None:
            raise ValueError(f"link: {type(link).__name__} has no token width; decode needs one")
        return int(width)

    def forward(self, payload: Any, snr_db: Any, draws: Draws) -> Reception:
        """Send a batch once; see :meth:`MultiUserLink.forward`. ``snr_db`` of the result belongs to N0."""
        reception = self.users(self.split(payload), snr_db, draws)
        own = [device.channel_uses for device in reception.devices]
        uses = summed(own, reception.uses.shared.airtime)
        no = self.users.access.levels(snr_db, len(payload)).no
        return Reception(joined(reception.payloads), reception.ok, uses, -10.0 * no.float().log10())

    def clean(self, payload: Any, snr_db: Any) -> Tokens:
        """Return what the receiver has without fading, noise and header errors; see :meth:`TokenLink.clean`."""
        return joined(self.users.clean(self.split(payload), snr_db))

    def blind(self, payload: Any, snr_db: Any = 0.0, draws: Draws | None = None) -> Tokens:
        """Return what the receiver makes of noise; see :meth:`TokenLink.blind`."""
        return joined(self.users.blind(self.split(payload), snr_db, draws))
