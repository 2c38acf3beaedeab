"""Air interfaces without frequency selectivity."""

import math

import torch

from ..accounting import ChannelUses
from ..draws import Draws
from ..validation import check_choice, check_range
from .base import AirInterface
from .equalization import EQUALIZERS, equalize
from .streams import check_antennas, data_elements

GRID = 256
"""Resource elements drawn at a time, so that schemes of different lengths share their draws."""

PILOT_INDEX = 1 << 20
"""Where the noise indices of pilot grids start: payload noise is the same with and without pilots."""


class FlatAirInterface(AirInterface):
    r"""AWGN, Rayleigh or Rician fading, one coefficient per antenna pair and resource element.

    .. math:: \mathbf{y} = \frac{1}{\sqrt S}\mathbf{H}\mathbf{x} + \mathbf{n}, \qquad
              \mathbf{n} \sim \mathcal{CN}(0, N_0\mathbf{I})

    The entries of :math:`\mathbf{H}` are 1 (AWGN), :math:`\mathcal{CN}(0,1)` (Rayleigh) or
    :math:`\mathcal{CN}\!\left(\sqrt{K/(K+1)},\, 1/(K+1)\right)` (Rician), so
    :math:`E|h|^2 = 1` in each case.

    With ``csi="estimated"`` each item is preceded by ``num_pilots`` pilots per stream, orthogonal
    in time: one stream at a time sends a pilot of energy 1, so an item spends ``num_streams *
    num_pilots`` resource elements on them. The least-squares estimate is the mean over a stream's
    pilots; its error variance :math:`N_0/\text{num\_pilots}` enters ``no_eff``.

    With ``csi="none"`` the receiver has nothing to equalise with: ``symbols`` are the received
    samples and ``no_eff`` is N0. Under fading they are then not unbiased estimates of what was
    sent; only receivers that are trained for it, or non-coherent, can use them. Combining antennas
    or separating streams needs CSI, so it is refused. In AWGN the channel is 1 by definition and
    all receivers know it: ``has_csi`` is true whatever ``csi`` says.

    Args:
        channel: "awgn", "rayleigh" or "rician". ``awgn`` carries one stream: its channel matrix
            of ones has rank 1.
        k_factor_db: power of the line of sight over that of the scatter, dB; "rician" only.
        fading: "block", one draw per item, or "symbol", one draw per resource element. AWGN is
            the same in both.
        csi: "perfect", "estimated" or "none".
        num_pilots: pilots per item and stream; 0 unless ``csi`` is "estimated".
        equalizer: "zf", "lmmse" or "mf"; they differ for several streams only.
        num_streams: spatial streams, each from an antenna of its own, 1 to 4.
        num_rx_ant: receive antennas, at least ``num_streams``.
        precision: Sionna's, "single" or "double".
        device: Sionna's.

    Raises:
        ValueError: for an unknown choice or a combination that has no meaning.

    Example:
        >>> air = FlatAirInterface(channel="rayleigh")
        >>> x = torch.ones(2, 300, dtype=torch.complex64)
        >>> air(x, 0.1, Draws(seed=1)).symbols.shape
        torch.Size([2, 300])
    """

    def __init__(
        self,
        *,
        channel: str = "awgn",
        k_factor_db: float | None = None,
        fading: str = "block",
        csi: str = "perfect",
        num_pilots: int = 0,
        equalizer: str = "zf",
        num_streams: int = 1,
        num_rx_ant: int = 1,
        precision: str | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(num_streams=num_streams, precision=precision, device=device)
        self.channel = check_choice("channel", channel, ("awgn", "rayleigh", "rician"))
        self.fading = check_choice("fading", fading, ("block", "symbol"))
        self.csi = check_choice("csi", csi, ("perfect", "estimated", "none"))
        self.num_pilots = check_range("num_pilots", num_pilots, 0, integer=True)
        self.equalizer = check_choice("equalizer", equalizer, EQUALIZERS)
        self.num_rx_ant = check_range("num_rx_ant", num_rx_ant, 1, integer=True)
        check_antennas(self.num_streams, self.num_rx_ant, self.csi)
        self._check_combination(k_factor_db)
        self.k_factor_db = k_factor_db

    def _check_combination(self, k_factor_db: float | None) -> None:
        """Refuse settings that contradict each other."""
        if (self.channel == "rician") != (k_factor_db is not None):
            raise ValueError(f"k_factor_db: {k_factor_db!r} given for channel {self.channel!r}; "
                             "'rician' needs it, the others have none")
        if k_factor_db is not None:
            check_range("k_factor_db", k_factor_db, -100.0, 100.0)
        if (self.csi == "estimated") != (self.num_pilots > 0):
            raise ValueError(f"num_pilots: {self.num_pilots} given with csi={self.csi!r}; 'estimated' "
                             "needs at least 1, the others send none")
        if self.fading == "symbol" and self.csi == "estimated":
            raise ValueError("csi: 'estimated' is impossible with fading='symbol', where a pilot says "
                             "nothing about the next symbol; allowed: 'perfect', 'none'")
        if self.channel == "awgn" and self.num_streams > 1:
            raise ValueError(f"num_streams: {self.num_streams} given for channel 'awgn', whose channel "
                             "matrix of ones has rank 1; 1 is allowed")

    @property
    def symbols_per_grid(self) -> int:
        """Payload symbols in a chunk of 256 resource elements."""
        return GRID * self.num_streams

    @property
    def has_csi(self) -> bool:
        """Whether the receiver knows or estimates the channel; always in AWGN."""
        return self.csi != "none" or self.channel == "awgn"

    @property
    def num_pilot_grids(self) -> int:
        """Chunks of resource elements that hold an item's pilots; they precede its payload."""
        return -(-self.num_streams * self.num_pilots // GRID)

    def transmit(self, x: torch.Tensor, num_symbols: torch.Tensor) -> torch.Tensor:
        """Lay symbols on streams and put the pilots before them.

        Symbol i goes to stream i mod S of resource element i div S.

        Returns:
            [batch, num_pilot_grids + num_grids, num_streams, 256], complex.
        """
        batch, streams = x.shape[0], self.num_streams
        num_grids = self.num_grids(x.shape[1])
        x = torch.nn.functional.pad(x, (0, num_grids * self.symbols_per_grid - x.shape[1]))
        payload = x.reshape(batch, num_grids, GRID, streams).mT / math.sqrt(streams)
        pilots = torch.eye(streams, dtype=x.dtype, device=x.device).repeat_interleave(self.num_pilots, 1)
        pilots = torch.nn.functional.pad(pilots, (0, self.num_pilot_grids * GRID - pilots.shape[1]))
        pilots = pilots.reshape(streams, self.num_pilot_grids, GRID).transpose(0, 1)
        sends = (num_symbols > 0).to(x.dtype)[:, None, None, None]
        return torch.cat([pilots * sends, payload], dim=1)

    def fade(self, batch_size: int, num_grids: int, draws: Draws) -> torch.Tensor | None:
        """Draw the coefficients.

        Returns:
            Block fading: [batch, 1, num_rx_ant, num_streams, 1]; per symbol: [batch, num_grids,
            num_rx_ant, num_streams, 256]; `None` for AWGN.
        """
        if self.channel == "awgn":
            return None
        shape = (batch_size, self.num_rx_ant, self.num_streams)
        if self.fading == "block":
            h = self._normal(draws, "fade", 0, shape)[:, None, ..., None]
        else:
            h = torch.stack(
                [
                    self._normal(draws, "fade", draws.first_grid + g, (*shape, GRID))
                    for g in range(num_grids)
                ], dim=1
            )
        if self.k_factor_db is None:
            return h
        k = 10.0 ** (self.k_factor_db / 10.0)
        return math.sqrt(k / (k + 1.0)) + h / math.sqrt(k + 1.0)

    def propagate(self, tx: torch.Tensor, h: torch.Tensor | None) -> torch.Tensor:
        """Apply the channel: [batch, num_pilot_grids + num_grids, num_rx_ant, 256], complex."""
        if h is None:
            return tx.expand(-1, -1, self.num_rx_ant, -1)
        return (h * tx[:, :, None]).sum(3)

    def add_noise(self, y: torch.Tensor, no: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Add CN(0, no) to every received sample; ``no`` is [batch]."""
        shape = (y.shape[0], self.num_rx_ant, GRID)
        first = self.num_pilot_grids
        indices = [PILOT_INDEX + g if g < first else g - first for g in range(y.shape[1])]
        indices = [index + draws.first_grid for index in indices]
        noise = torch.stack([self._normal(draws, "noise", i, shape) for i in indices], dim=1)
        return y + noise * no.sqrt()[:, None, None, None]

    def receive(
        self, y: torch.Tensor, h: torch.Tensor | None, no: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Estimate the channel, equalise, and undo :meth:`transmit`."""
        streams, batch = self.num_streams, y.shape[0]
        payload = y[:, self.num_pilot_grids:]
        if self.csi == "none":
            x_hat = payload.reshape(batch, -1)
            return x_hat, no[:, None].expand(x_hat.shape)
        # In units in which every stream has energy 1, the noise is S times as strong.
        noise = streams * no
        if self.csi == "estimated":
            h = self._estimate(y)
            noise = noise * (1.0 + 1.0 / self.num_pilots)
        elif h is None:
            h = torch.ones(batch, 1, self.num_rx_ant, 1, 1, dtype=y.dtype, device=y.device)
        x_hat, no_eff = equalize(
            math.sqrt(streams) * payload.mT, h.movedim(-1, 2), noise[:, None, None], self.equalizer
        )
        return x_hat.reshape(batch, -1), no_eff.reshape(batch, -1)

    def _estimate(self, y: torch.Tensor) -> torch.Tensor:
        """Average each stream's pilots: [batch, 1, num_rx_ant, num_streams, 1]."""
        pilots = y[:, : self.num_pilot_grids].transpose(1, 2).flatten(2)
        pilots = pilots[..., : self.num_streams * self.num_pilots]
        pilots = pilots.reshape(y.shape[0], 1, self.num_rx_ant, self.num_streams, self.num_pilots)
        return pilots.mean(-1, keepdim=True)

    def channel_uses(self, num_symbols: torch.Tensor, num_side: torch.Tensor | None = None) -> ChannelUses:
        """Count resource elements; there is no airtime besides them."""
        total, side = data_elements(num_symbols, num_side, self.num_streams)
        pilots = self.num_streams * self.num_pilots * (num_symbols > 0).to(total.dtype)
        return ChannelUses(total - side, pilots, side, airtime=total + pilots)

    def _normal(self, draws: Draws, stream: str, index: int, shape: tuple[int, ...]) -> torch.Tensor:
        return draws.complex_normal(stream, index, shape, self.device, self.cdtype)
