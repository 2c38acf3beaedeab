"""Two transmitters, each with its own link and its own fades."""

import dataclasses
from typing import Any, Self

import numpy as np
import torch

from ...linklevel.accounting import ChannelUses
from ...linklevel.air.base import AirInterface, Received
from ...linklevel.draws import Draws
from ...linklevel.links.base import Link, Reception, Signal
from ...linklevel.links.token_base import TokenLink
from ...linklevel.multiuser.tokens_link import Parts
from ...linklevel.packing import pack
from ...linklevel.side import cut
from ...linklevel.signal import sent_mask
from ...linklevel.tokens import Tokens, joined
from ...linklevel.validation import check_range

USER = 7
"""First element of the spawn key of a user's draws."""


class UsersLink(Link):
    """The first tokens of an item are one user's, the rest another's; each sends its own.

    ```
    tokens 0 ... n-1 (image)    ─► link of user 1 ─► air, fade 1 ─► link of user 1 ─┐
    tokens n ...     (question) ─► link of user 2 ─► air, fade 2 ─► link of user 2 ─┴─► tokens
    ```

    The users take turns on the same band, so nothing interferes, every symbol counts, and each user radiates unit
    power over its own symbols. Fades and noise of the second user are independent of the first's. The number of the
    first user's tokens is agreed, so its link may have ``length="known"``.

    Args:
        first: link of the first user, for tokens.
        second: link of the second, for tokens of the same width, over the same air interface.
        num_first: tokens of the first user.

    Raises:
        TypeError: for links that are not for tokens.
        ValueError: if their air interfaces differ, or the first user's length is not known.
    """

    def __init__(self, first: TokenLink, second: TokenLink, *, num_first: int) -> None:
        for name, link in (("first", first), ("second", second)):
            if not isinstance(link, TokenLink):
                raise TypeError(f"{name}: {type(link).__name__} given; a link for tokens is needed")
        if first.air is not second.air:
            raise ValueError("second: its air interface is another object than the first's; both users share one")
        if first.length != "known":
            raise ValueError("first: length 'charged' given, but its number of tokens is agreed; set 'known'")
        super().__init__(first.air)
        self.first, self.second = first, second
        self.num_first = check_range("num_first", num_first, 1, 2**20, integer=True)

    @property
    def codec(self) -> Parts:
        """The codecs of both users."""
        parts: list[Any] = [getattr(link, "codec", None) for link in (self.first, self.second)]
        return Parts(part for part in parts if part is not None)

    @property
    def auxiliary_loss(self) -> torch.Tensor:
        """Sum of the links' auxiliary losses, a scalar."""
        return self.first.auxiliary_loss + self.second.auxiliary_loss

    def through(self, air: AirInterface) -> Self:
        """Return this link over another air interface; see :meth:`Link.through`."""
        other = super().through(air)
        other.first, other.second = self.first.through(air), self.second.through(air)
        return other

    def _split(self, payload: Any) -> tuple[Tokens, Tokens]:
        if not isinstance(payload, Tokens):
            raise TypeError(f"payload: {type(payload).__name__} given; UsersLink takes Tokens")
        n = self.num_first
        if bool((payload.num_tokens < n).any()) or not bool(payload.mask[:, :n].all()):
            raise ValueError(f"payload.mask: an item has fewer than the first user's {n} tokens")
        values, mask = payload.values, payload.mask
        return Tokens(values[:, :n], mask[:, :n]), Tokens(values[:, n:], mask[:, n:])

    def encode(self, payload: Any, snr_db: torch.Tensor) -> Signal:
        """Turn tokens into symbols, the first user's before the second's; see :meth:`Link.encode`."""
        signals = [
            link.encode(part, snr_db)
            for link, part in zip((self.first, self.second), self._split(payload), strict=True)
        ]
        symbols = torch.cat([signal.symbols for signal in signals], 1)
        keep = torch.cat([sent_mask(signal.num_symbols, signal.symbols.shape[1]) for signal in signals], 1)
        packed, count = pack(symbols[:, None], keep[:, None])
        return Signal(packed, count, signals[0].num_side + signals[1].num_side)

    def decode(self, received: Received) -> tuple[Tokens, torch.Tensor]:
        """Turn equalised symbols of both users, one after the other, into tokens; see :meth:`Link.decode`."""
        batch, device = len(received.symbols), received.symbols.device
        mask = torch.ones(batch, self.num_first, dtype=torch.bool, device=device)
        empty = Tokens(torch.ones(1, self.num_first, self._width(), device=device))
        start = int(self.first.encode(empty, torch.zeros(1, device=device)).num_symbols[0])
        first, ok = self.first.decode(received, mask=mask)
        second, intact = self.second.decode(cut(received, start))
        return joined((first, second)), ok & intact

    def _width(self) -> int:
        width = self.first._dim()
        if width is None:
            raise ValueError("first: its link has no token width; decode needs one")
        return width

    def forward(self, payload: Any, snr_db: float | torch.Tensor, draws: Draws) -> Reception:
        """Send a batch once; see :meth:`Link.forward`."""
        first, second = self._split(payload)
        one = self.first(first, snr_db, draws)
        two = self.second(second, snr_db, draws_of_user(draws, 1))
        fields = (f.name for f in dataclasses.fields(ChannelUses))
        uses = {name: getattr(one.channel_uses, name) + getattr(two.channel_uses, name) for name in fields}
        return Reception(joined((one.payload, two.payload)), one.ok & two.ok, ChannelUses(**uses), one.snr_db)

    def clean(self, payload: Any, snr_db: float | torch.Tensor) -> Tokens:
        """Return what the receiver has without fading, noise and header errors; see :meth:`TokenLink.clean`."""
        first, second = self._split(payload)
        return joined((self.first.clean(first, snr_db), self.second.clean(second, snr_db)))

    def blind(self, payload: Any, snr_db: float | torch.Tensor = 0.0, draws: Draws | None = None) -> Tokens:
        """Return what the receiver makes of noise; see :meth:`TokenLink.blind`."""
        first, second = self._split(payload)
        draws = draws or Draws(seed=0)
        second_draws = draws_of_user(draws, 1)
        return joined((self.first.blind(first, snr_db, draws), self.second.blind(second, snr_db, second_draws)))


def draws_of_user(draws: Draws, user: int) -> Draws:
    """Return draws that are independent of ``draws`` and of those of other users.

    Args:
        draws: those of user 0.
        user: number of another, from 1.
    """
    seed = np.random.SeedSequence(draws.seed, spawn_key=(USER, user)).generate_state(1, np.uint64)[0]
    return dataclasses.replace(draws, seed=int(seed))
