"""The one door to the radio channel."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from sionna.phy import Block

from ..accounting import ChannelUses
from ..draws import Draws, ambient_draws
from ..signal import sent_mask
from ..validation import check_finite, check_range, check_shape


@dataclass(frozen=True)
class Received:
    """What a receiver has after equalisation.

    Args:
        symbols: [batch, num_symbols], complex; unbiased estimates of the symbols sent. Positions
            past an item's own symbols hold what the receiver hears there: noise.
        no_eff: [batch, num_symbols], real; effective noise variance of each estimate.
        no: [batch], real; noise power density at a receive antenna.
    """

    symbols: torch.Tensor
    no_eff: torch.Tensor
    no: torch.Tensor

    @property
    def biased(self) -> torch.Tensor:
        """The LMMSE estimate x̂ / (1 + no_eff), bounded where the unbiased one is not."""
        return self.symbols / (1.0 + self.no_eff)


class AirInterface(Block):
    """Complex symbols in, equalised symbols and their effective noise variance out.

    The stages are public, so that an audit can measure each by itself:

    ```
    x ─► transmit ─► tx ─► propagate(h) ─► y ─► add_noise ─► receive ─► x_hat, no_eff
                           fade ─► h ┘
    ```

    Every stage works on whole grids. Draws are made grid by grid, so two schemes that send
    different numbers of symbols meet the same fade and noise where both send. The gain is
    E|h|² = 1 as an ensemble mean; a transmitter radiates unit mean energy per resource element,
    shared by its streams.

    Args:
        num_streams: streams that share a resource element.
        precision: Sionna's, "single" or "double".
        device: Sionna's.
    """

    def __init__(
        self, *, num_streams: int = 1, precision: str | None = None, device: str | None = None
    ) -> None:
        super().__init__(precision=precision, device=device)
        self.num_streams = check_range("num_streams", num_streams, 1, 4, integer=True)

    @property
    @abstractmethod
    def symbols_per_grid(self) -> int:
        """Payload symbols that one grid carries, over all its streams."""

    @property
    def energy_overhead(self) -> float:
        """Radiated energy over the energy of the data resource elements, for Eb/N0; at least 1."""
        return 1.0

    @property
    @abstractmethod
    def has_csi(self) -> bool:
        """Whether the receiver knows or estimates the channel."""

    @abstractmethod
    def transmit(self, x: torch.Tensor, num_symbols: torch.Tensor) -> torch.Tensor:
        """Put symbols, streams and pilots on the antennas.

        Args:
            x: [batch, width], complex; zero past each item's ``num_symbols``.
            num_symbols: [batch], torch.int64.

        Returns:
            [batch, num_grids, num_streams, ...], complex, in the implementation's own layout;
            energy 1 in the mean over the resource elements used, summed over streams.
        """

    @abstractmethod
    def fade(self, batch_size: int, num_grids: int, draws: Draws) -> torch.Tensor | None:
        """Draw the channel of ``num_grids`` successive grids, or `None` where there is no fading.

        The first of them is the item's grid number ``draws.first_grid``: an item that is sent in several
        transmissions keeps its fade, which moves on in time where the channel does.
        """

    @abstractmethod
    def propagate(self, tx: torch.Tensor, h: torch.Tensor | None) -> torch.Tensor:
        """Apply the channel, without noise: [batch, num_grids, num_rx_ant, ...], complex."""

    def demodulate(self, y: torch.Tensor) -> torch.Tensor:
        """Turn received samples into resource elements, laid out as :meth:`transmit` lays them.

        Returns:
            [batch, num_grids, num_rx_ant, ...], complex; ``y`` itself where a sample is a
            resource element.
        """
        return y

    @abstractmethod
    def add_noise(self, y: torch.Tensor, no: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Add CN(0, no) to every received sample; ``no`` is [batch]."""

    @abstractmethod
    def receive(
        self, y: torch.Tensor, h: torch.Tensor | None, no: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Estimate the channel (``h`` serves perfect CSI only), equalise, and undo :meth:`transmit`.

        Returns:
            x_hat: [batch, num_grids * symbols_per_grid], complex.
            no_eff: same shape, real.
        """

    @abstractmethod
    def channel_uses(self, num_symbols: torch.Tensor, num_side: torch.Tensor | None = None) -> ChannelUses:
        """Count what items use that send ``num_symbols``, ``num_side`` of them side information."""

    def num_grids(self, width: int) -> int:
        """Return how many grids carry ``width`` symbols, at least one."""
        return max(1, -(-width // self.symbols_per_grid))

    def call(
        self,
        x: torch.Tensor,
        no: torch.Tensor,
        draws: Draws | None = None,
        num_symbols: torch.Tensor | None = None,
    ) -> Received:
        """Send a batch through the channel.

        Args:
            x: [batch, width], complex.
            no: scalar or [batch], noise power density.
            draws: random streams; from Sionna's own generator if `None`.
            num_symbols: [batch], torch.int64; symbols each item sends (a prefix). All if `None`.

        Raises:
            ValueError: for symbols that are not finite or not [batch, width], or a noise power
                density that is negative or not finite.
        """
        check_shape("x", x, ("batch", "num_symbols"))
        check_finite("x", x.detach())
        batch, width = x.shape
        if not x.is_complex():
            raise ValueError(f"x: dtype {x.dtype} given, a complex dtype expected")
        draws = ambient_draws() if draws is None else draws
        no = check_finite("no", torch.as_tensor(no, device=x.device, dtype=x.real.dtype)).expand(batch)
        if bool((no < 0.0).any()):
            raise ValueError(f"no: {float(no.min())} given; a noise power density is at least 0")
        if num_symbols is None:
            num_symbols = torch.full((batch,), width, device=x.device)
        if batch == 0:
            return Received(x, x.real, no)
        x = torch.where(sent_mask(num_symbols, width), x, torch.zeros_like(x))
        tx = self.transmit(x, num_symbols)
        h = self.fade(batch, self.num_grids(width), draws)
        y = self.add_noise(self.propagate(tx, h), no, draws)
        x_hat, no_eff = self.receive(y, h, no)
        return Received(x_hat[:, :width], no_eff[:, :width], no)

    def _convert(self, v: Any) -> Any:
        """Let :class:`Draws` pass Sionna's input conversion, which knows tensors only."""
        return v if isinstance(v, Draws) else super()._convert(v)
