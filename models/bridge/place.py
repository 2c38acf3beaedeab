"""One cut while it is bridged: what has crossed there so far."""

import torch

from ...linklevel.accounting import ChannelUses
from ...linklevel.draws import Draws
from ...linklevel.tokens import Tokens
from .bridge import TokenBridge
from .cut import Cut
from .draws import BridgeDraws


class Place:
    """A cut, its bridge, and the count of what crossed.

    Args:
        cut: where.
        bridge: over what.
        index: number of the cut, which tells its fades from those of the others.
        depth: last decoder layer before the cut; `None` for a module that runs once per prompt.
    """

    def __init__(self, cut: Cut, bridge: TokenBridge, index: int, depth: int | None) -> None:
        self.cut, self.bridge, self.index, self.depth = cut, bridge, index, depth
        self.reset()

    def reset(self) -> None:
        """Forget what has crossed."""
        self.transmissions = 0
        self.grids = 0
        self.uses: ChannelUses | None = None

    def send(
        self, values: torch.Tensor, mask: torch.Tensor, snr_db: float | torch.Tensor, draws: Draws
    ) -> torch.Tensor:
        """Send tokens [batch, num_tokens, dim]; return them as received, zero where the mask is false."""
        reception = self.bridge(
            Tokens(values, mask), snr_db,
            BridgeDraws(
                seed=draws.seed, point=draws.point, batch=draws.batch,
                cut=self.index, transmission=self.transmissions, first_grid=self.grids,
            ),
            where=repr(self.cut.module),
        )  # fmt: skip
        self.transmissions += 1
        self.grids += self._grids_of(reception.channel_uses)
        self.uses = add_uses(self.uses, reception.channel_uses)
        return reception.payload.values

    def _grids_of(self, uses: ChannelUses) -> int:
        """Return the grids that a transmission took; its longest item counts."""
        air = getattr(self.bridge.link, "air", None)
        if air is None:
            return 0
        symbols = int((uses.payload + uses.side_information).max()) * air.num_streams
        return air.num_grids(symbols) if symbols else 0


def add_uses(first: ChannelUses | None, second: ChannelUses) -> ChannelUses:
    """Return the sum of what two transmissions of the same items cost."""
    if first is None:
        return second
    return ChannelUses(
        payload=first.payload + second.payload,
        pilots=first.pilots + second.pilots,
        side_information=first.side_information + second.side_information,
        airtime=first.airtime + second.airtime,
    )
