"""The channel as a time-varying filter between an OFDM modulator and demodulator."""

import math
import warnings

import torch
from sionna.phy.channel import ApplyTimeChannel, time_lag_discrete_time_channel, time_to_ofdm_channel
from sionna.phy.ofdm import OFDMDemodulator, OFDMModulator

from ..draws import Draws
from .channel import Channel, Sampler
from .grid import Grid

INTERPOLATION_ERROR = 1e-4
"""Largest relative error of a path's amplitude from linear interpolation in time: -80 dB."""


class TimeDomain:
    r"""OFDM over a filter, with its interference between symbols and between subcarriers.

    The filter has the taps

    .. math:: h_\ell(t) = \sum_p a_p(t)\,\mathrm{sinc}(\ell - W\tau_p), \qquad
              \ell = \ell_\text{min}, \dots, \ell_\text{max}

    of Sionna's ``cir_to_time_channel``: 6 taps before the first path and 6 after the last. The
    demodulator's window opens :math:`-\ell_\text{min}` samples early, so a cyclic prefix of
    :math:`\ell_\text{max} - \ell_\text{min}` samples keeps symbols apart. With less they interfere,
    as on the air: the object warns and simulates it. Successive grids follow each other without a
    gap; the last taps of one grid reach into the next.

    Path coefficients vary over many samples. They are drawn at instants so close that linear
    interpolation between them is off by at most -80 dB.

    Args:
        sampler: draws impulse responses.
        channel: the model they come from.
        grid: the resource grid.
        continuous: whether successive grids of an item continue in time, or fade independently.

    Raises:
        ValueError: if the filter is longer than an OFDM symbol.
    """

    def __init__(self, sampler: Sampler, channel: Channel, grid: Grid, *, continuous: bool) -> None:
        self._sampler, self._continuous, self.scale = sampler, continuous, 1.0
        self._grid = rg = grid.resource_grid
        self._cdtype, self._dtype, self._subcarriers = grid.cdtype, grid.dtype, grid.subcarriers
        options = {"precision": grid.precision, "device": grid.device}
        self.l_min, self.l_max = time_lag_discrete_time_channel(rg.bandwidth, channel.max_delay)
        self.num_taps = self.l_max - self.l_min + 1
        if self.num_taps > rg.fft_size:
            raise ValueError(f"fft_size: {rg.fft_size} given for a channel of {self.num_taps} taps "
                             f"(delays to {channel.max_delay:.3g} s); it must not be shorter than that")
        if rg.cyclic_prefix_length < self.num_taps - 1:
            warnings.warn(f"cyclic_prefix_length: {rg.cyclic_prefix_length} given for a channel of "
                          f"{self.num_taps} taps; below {self.num_taps - 1} OFDM symbols interfere",
                          stacklevel=4)
        self._modulator = OFDMModulator(rg.cyclic_prefix_length, **options)
        self._demodulator = OFDMDemodulator(rg.fft_size, self.l_min, rg.cyclic_prefix_length, **options)
        self._options = options
        self._stride = self._samples_between_draws(channel.max_doppler)

    @property
    def key(self) -> dict[str, object]:
        """What :meth:`kept` depends on."""
        rg = self._grid
        return {"fft_size": rg.fft_size, "subcarrier_spacing": rg.subcarrier_spacing,
                "num_guard_carriers": rg.num_guard_carriers.tolist(), "dc_null": bool(rg.dc_null),
                "taps": [self.l_min, self.l_max]}

    def _samples_between_draws(self, max_doppler: float) -> int | None:
        """Return how many samples apart path coefficients are drawn; `None` if they are constant."""
        if max_doppler == 0.0:
            return None
        # A chord misses exp(j 2 pi f t) by at most (2 pi f T)^2 / 8.
        interval = math.sqrt(8.0 * INTERPOLATION_ERROR) / (2.0 * math.pi * max_doppler)
        return max(1, int(interval * self._grid.bandwidth))

    def taps(self, tau: torch.Tensor) -> torch.Tensor:
        """Return the filter of unit paths: delays [...], s -> [..., num_taps], real."""
        lags = torch.arange(self.l_min, self.l_max + 1, dtype=self._dtype, device=tau.device)
        return torch.sinc(lags - tau.to(self._dtype)[..., None] * self._grid.bandwidth)

    def kept(self, tau: torch.Tensor) -> torch.Tensor:
        """Return the share of a path's energy that its taps carry on the used subcarriers.

        The taps cut the ends of the sinc off, which costs some energy at the band's edges.
        """
        taps = self.taps(tau)
        spectrum = torch.fft.fftshift(torch.fft.fft(taps, self._grid.fft_size), dim=-1)
        return spectrum[..., self._subcarriers.to(tau.device)].abs().square().mean(-1)

    def fade(self, batch_size: int, num_grids: int, draws: Draws) -> torch.Tensor:
        """Draw filters [batch, pieces, num_rx_ant, num_streams, num_samples, num_taps].

        A piece is the whole item where grids continue each other, else one grid; its samples
        are those of its output, with the ``num_taps - 1`` that ring after the input ends.
        """
        first = draws.first_grid
        if self._continuous:
            h = self._draw(batch_size, first + num_grids, draws, 0)
            return h[..., first * self._grid.num_time_samples :, :][:, None]
        return torch.stack([self._draw(batch_size, 1, draws, first + g) for g in range(num_grids)], dim=1)

    def _draw(self, batch_size: int, num_grids: int, draws: Draws, index: int) -> torch.Tensor:
        """Draw the filter of one piece."""
        length = num_grids * self._grid.num_time_samples + self.num_taps - 1
        stride = length if self._stride is None else self._stride
        steps = 1 if self._stride is None else -(-(length - 1) // stride) + 1
        with draws.sionna("fade", index):
            a, tau = self._sampler(batch_size, steps, self._grid.bandwidth / stride)
        # [batch, 1, 1, num_paths, num_taps]; summed over paths without the product in memory
        taps = (self.scale * self.taps(tau)).to(self._cdtype)[:, None, None]
        h = torch.einsum("...pn,...pl->...nl", a.to(self._cdtype), taps)
        if steps == 1:
            return h.expand(-1, -1, -1, length, -1)
        where = torch.arange(length, device=h.device)
        left = (where // stride).clamp_max(steps - 2)
        share = ((where - left * stride) / stride).to(self._dtype)[:, None]
        return h[..., left, :] * (1.0 - share) + h[..., left + 1, :] * share

    def apply(self, tx: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """Modulate and filter: [batch, num_grids, num_rx_ant, num_time_samples], complex."""
        batch, pieces = h.shape[:2]
        x = self._modulator(tx)
        x = x.unflatten(1, (pieces, -1)).transpose(2, 3).flatten(3).flatten(0, 1)
        filter_ = ApplyTimeChannel(x.shape[-1], self.num_taps, **self._options)
        y = filter_(x[:, None], h.flatten(0, 1)[:, None, :, None])[:, 0, :, : x.shape[-1]]
        y = y.unflatten(-1, (-1, self._grid.num_time_samples)).transpose(1, 2)
        return y.reshape(batch, -1, *y.shape[2:])

    def demodulate(self, y: torch.Tensor) -> torch.Tensor:
        """Demodulate: [batch, num_grids, num_rx_ant, num_ofdm_symbols, fft_size], complex."""
        return self._demodulator(y.contiguous())

    def response(self, h: torch.Tensor) -> torch.Tensor:
        """Return the frequency response where each symbol's window opens (``time_to_ofdm_channel``).

        Returns:
            [batch, num_grids, num_rx_ant, num_streams, num_ofdm_symbols, fft_size], complex.
        """
        h = h[..., : h.shape[-2] - self.num_taps + 1, :]
        h = h.unflatten(-2, (-1, self._grid.num_time_samples)).movedim(-3, 2)
        return time_to_ofdm_channel(h.flatten(1, 2), self._grid, self.l_min)
