"""Random streams of the successive transmissions of one batch of items."""

from dataclasses import dataclass

import numpy as np

from ...linklevel.draws import STREAMS, Draws
from ...linklevel.validation import check_choice


@dataclass(frozen=True)
class BridgeDraws(Draws):
    """The streams of one transmission at one cut.

    A batch of items crosses a cut once, or many times while text is generated. Its fade goes on
    from one transmission to the next, so the fade stream depends on the cut only; noise and the
    receiver's stream are new in each transmission. The first transmission of the first cut draws
    what a plain :class:`~tokencom.linklevel.draws.Draws` draws.

    Args:
        cut: number of the cut.
        transmission: number of the transmission at this cut.

    Example:
        >>> first, second = BridgeDraws(seed=1), BridgeDraws(seed=1, transmission=1)
        >>> first.seed_of("fade") == second.seed_of("fade"), first.seed_of("noise") == second.seed_of("noise")
        (True, False)
        >>> first.seed_of("noise") == Draws(seed=1).seed_of("noise")
        True
    """

    cut: int = 0
    transmission: int = 0

    def seed_of(self, stream: str, index: int = 0) -> int:
        """Return the 64-bit seed of ``stream``; ``index`` counts sub-draws such as slots."""
        check_choice("stream", stream, STREAMS)
        new_each_time = stream in {"noise", "receiver"}
        place = (self.cut, self.transmission if new_each_time else 0)
        if not any(place):
            return super().seed_of(stream, index)
        point = 0 if stream == "payload" else self.point
        key = (STREAMS[stream], point, self.batch, index, *place)
        return int(np.random.SeedSequence(self.seed, spawn_key=key).generate_state(1, np.uint64)[0])
