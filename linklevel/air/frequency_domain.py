"""The channel as a frequency response that multiplies every resource element."""

import torch
from sionna.phy.channel import cir_to_ofdm_channel, subcarrier_frequencies

from ..draws import Draws
from .channel import Sampler
from .grid import Grid


class FrequencyDomain:
    """Ideal OFDM: no inter-symbol or inter-carrier interference, whatever the delays and the speed.

    The response is sampled once per OFDM symbol.

    Args:
        sampler: draws impulse responses.
        grid: the resource grid.
        continuous: whether successive grids of an item continue in time, or fade independently.
        still: whether the channel is constant over time.
        scale: factor on the path coefficients that gives unit mean gain.
    """

    def __init__(
        self, sampler: Sampler, grid: Grid, *, continuous: bool, still: bool, scale: float
    ) -> None:
        self._sampler, self._grid = sampler, grid.resource_grid
        self._continuous, self._still, self._scale = continuous, still, scale
        self._cdtype, self._dtype = grid.cdtype, grid.dtype
        self._frequencies = subcarrier_frequencies(
            self._grid.fft_size, self._grid.subcarrier_spacing, precision=grid.precision, device=grid.device
        )

    def fade(self, batch_size: int, num_grids: int, draws: Draws) -> torch.Tensor:
        """Draw responses [batch, num_grids, num_rx_ant, num_streams, num_ofdm_symbols, fft_size]."""
        first = draws.first_grid
        if self._continuous:
            return self._draw(batch_size, first + num_grids, draws, 0)[:, first:]
        return torch.cat([self._draw(batch_size, 1, draws, first + g) for g in range(num_grids)], dim=1)

    def _draw(self, batch_size: int, num_grids: int, draws: Draws, index: int) -> torch.Tensor:
        """Draw ``num_grids`` grids that continue each other."""
        symbols = self._grid.num_ofdm_symbols
        steps = 1 if self._still else num_grids * symbols
        with draws.sionna("fade", index):
            a, tau = self._sampler(batch_size, steps, 1.0 / self._grid.ofdm_symbol_duration)
        a = self._scale * a.to(self._cdtype)[:, None, :, None]
        tau = tau.to(self._dtype)[:, None, None, None, None]
        if torch.equal(tau, tau[:1].expand_as(tau)):
            # Delays of a TDL or CDL are the same for all items, and so are their phase ramps.
            tau = tau[:1]
        h = cir_to_ofdm_channel(self._frequencies, a, tau)
        h = h[:, 0, :, 0].expand(-1, -1, -1, num_grids * symbols, -1)
        return h.unflatten(3, (num_grids, symbols)).movedim(3, 1)

    def apply(self, tx: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """Multiply and sum over streams: [batch, num_grids, num_rx_ant, num_ofdm_symbols, fft_size]."""
        return (h * tx[:, :, None]).sum(3)

    def demodulate(self, y: torch.Tensor) -> torch.Tensor:
        """Return ``y``: samples are resource elements."""
        return y

    def response(self, h: torch.Tensor) -> torch.Tensor:
        """Return ``h``: it is the response at every resource element."""
        return h
