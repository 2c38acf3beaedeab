"""The OFDM air interface over the channel models of TR 38.901."""

import math
from collections.abc import Sequence

import torch

from ..accounting import ChannelUses
from ..draws import Draws
from ..validation import check_choice, check_range
from .base import AirInterface
from .channel import Channel
from .covariance import covariance
from .equalization import EQUALIZERS, equalize
from .estimation import INTERPOLATIONS, PilotEstimator
from .frequency_domain import FrequencyDomain
from .gain import gain_db
from .grid import Grid
from .streams import check_antennas, data_elements
from .time_domain import TimeDomain


class OFDMAirInterface(AirInterface):
    r"""OFDM over a multipath channel: grids of symbols and pilots, estimation, equalisation.

    ```
    x ─► streams, pilots ─► (modulator) ─► channel ─► noise ─► (demodulator) ─► estimate h ─► equalise
    ```

    Each stream leaves from an antenna of its own with amplitude 1/√S, pilots too, so a used resource
    element radiates energy 1 in the mean. Symbol i of a grid goes to stream i mod S of data resource
    element i div S, counted subcarrier by subcarrier within an OFDM symbol. The rest of an item's last
    grid stays empty; grids that an item does not need carry no pilots.

    The channel is divided by one constant, ``gain_db``, which gives it unit mean gain over antenna
    pairs and used subcarriers.

    With ``csi="none"`` the receiver hands out the received data resource elements as they are, with N0 as
    ``no_eff``: not an unbiased estimate of what was sent.

    Args:
        channel: a :class:`TDLChannel`, :class:`CDLChannel`, :class:`UMiChannel`, :class:`UMaChannel`
            or :class:`RMaChannel`.
        num_ofdm_symbols: OFDM symbols of a grid.
        fft_size: subcarriers, empty ones included.
        subcarrier_spacing: Hz.
        cyclic_prefix_length: samples. In the time domain, where it is shorter than the channel, OFDM
            symbols interfere and a warning says so.
        num_guard_carriers: empty subcarriers at the left and the right edge.
        dc_null: whether the DC subcarrier is empty.
        pilot_pattern: "kronecker" (whole OFDM symbols of pilots, which the streams share) or "none".
        pilot_ofdm_symbol_indices: OFDM symbols that carry pilots.
        csi: "perfect", "estimated" or "none". Pilots are sent, and counted, whether used or not.
        estimator: "ls" interpolates least-squares estimates as ``interpolation`` says; "lmmse"
            is the LMMSE estimator, the same as "ls" with interpolation "lmmse".
        interpolation: "nn", "lin", "lin_time_avg" or "lmmse"; see :class:`PilotEstimator`.
        equalizer: "zf", "lmmse" or "mf"; they differ for several streams only.
        domain: "frequency", ideal OFDM, or "time", with inter-symbol and inter-carrier interference.
        slots: "continuous", the grids of an item follow each other in time, or "independent",
            each grid fades anew.
        num_streams: spatial streams and transmit antennas, 1 to 4.
        num_rx_ant: receive antennas, at least ``num_streams``.
        precision: Sionna's, "single" or "double".
        device: Sionna's.

    Raises:
        TypeError: if ``channel`` is not a channel model.
        ValueError: for an unknown choice, or a combination that cannot work.

    Example:
        >>> from tokencom.linklevel.air import TDLChannel
        >>> channel = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9)
        >>> air = OFDMAirInterface(channel=channel, fft_size=76, csi="estimated")
        >>> x = torch.ones(2, 1000, dtype=torch.complex64)
        >>> air(x, 0.1, Draws(seed=1)).symbols.shape
        torch.Size([2, 1000])
    """

    def __init__(
        self,
        *,
        channel: Channel,
        fft_size: int,
        num_ofdm_symbols: int = 14,
        subcarrier_spacing: float = 30e3,
        cyclic_prefix_length: int = 0,
        num_guard_carriers: Sequence[int] = (0, 0),
        dc_null: bool = False,
        pilot_pattern: str = "kronecker",
        pilot_ofdm_symbol_indices: Sequence[int] = (2, 11),
        csi: str = "perfect",
        estimator: str = "ls",
        interpolation: str = "lin",
        equalizer: str = "lmmse",
        domain: str = "frequency",
        slots: str = "continuous",
        num_streams: int = 1,
        num_rx_ant: int = 1,
        precision: str | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(num_streams=num_streams, precision=precision, device=device)
        if not isinstance(channel, Channel):
            raise TypeError(f"channel: {channel!r} is not a channel model such as TDLChannel(model='A', ...)")
        self.channel = channel
        self.csi = check_choice("csi", csi, ("perfect", "estimated", "none"))
        self.equalizer = check_choice("equalizer", equalizer, EQUALIZERS)
        self.num_rx_ant = check_range("num_rx_ant", num_rx_ant, 1, integer=True)
        check_antennas(self.num_streams, self.num_rx_ant, self.csi)
        check_choice("estimator", estimator, ("ls", "lmmse"))
        check_choice("interpolation", interpolation, INTERPOLATIONS)
        self.grid = Grid(
            num_ofdm_symbols=num_ofdm_symbols, fft_size=fft_size, subcarrier_spacing=subcarrier_spacing,
            cyclic_prefix_length=cyclic_prefix_length, num_guard_carriers=num_guard_carriers,
            dc_null=dc_null, pilot_pattern=pilot_pattern, num_streams=self.num_streams,
            pilot_ofdm_symbol_indices=pilot_ofdm_symbol_indices, precision=self.precision, device=self.device,
        )
        self._build_domain(
            check_choice("domain", domain, ("frequency", "time")),
            continuous=check_choice("slots", slots, ("continuous", "independent")) == "continuous",
        )
        if self.csi == "estimated":
            self._build_estimator("lmmse" if estimator == "lmmse" else interpolation)

    def _build_domain(self, domain: str, *, continuous: bool) -> None:
        """Choose how the channel acts, and fix its gain."""
        antennas = (self.num_streams, self.num_rx_ant)
        sampler = self.channel.sampler(*antennas, self.device)
        if domain == "time":
            time_domain = TimeDomain(sampler, self.channel, self.grid, continuous=continuous)
            self.gain_db = gain_db(self.channel, *antennas, time_domain.kept, time_domain.key)
            time_domain.scale = 10.0 ** (-self.gain_db / 20.0)
            self._domain: TimeDomain | FrequencyDomain = time_domain
        else:
            self.gain_db = gain_db(self.channel, *antennas)
            self._domain = FrequencyDomain(
                sampler, self.grid, continuous=continuous, still=self.channel.speed == 0.0,
                scale=10.0 ** (-self.gain_db / 20.0),
            )

    def _build_estimator(self, interpolation: str) -> None:
        """Prepare the channel estimator."""
        self._estimator = PilotEstimator(
            self.grid,
            interpolation,
            lambda: covariance(
                self.channel, self.num_streams, self.num_rx_ant, self.grid.resource_grid
            ),
            precision=self.precision, device=self.device,
        )

    @property
    def symbols_per_grid(self) -> int:
        """Payload symbols that one grid carries, over all its streams."""
        return self.grid.num_data * self.num_streams

    @property
    def energy_overhead(self) -> float:
        """Radiated energy over the energy of the data resource elements, as in ``ebnodb2no``."""
        return self.grid.energy_overhead

    @property
    def has_csi(self) -> bool:
        """Whether the receiver knows or estimates the channel."""
        return self.csi != "none"

    def transmit(self, x: torch.Tensor, num_symbols: torch.Tensor) -> torch.Tensor:
        """Fill grids: [batch, num_grids, num_streams, num_ofdm_symbols, fft_size], complex."""
        num_grids = self.num_grids(x.shape[1])
        x = torch.nn.functional.pad(x, (0, num_grids * self.symbols_per_grid - x.shape[1]))
        x = x.unflatten(1, (num_grids, self.grid.num_data, self.num_streams)).mT
        sends = torch.arange(num_grids, device=x.device) < self._grids(num_symbols)[:, None]
        return self.grid.map(x, sends)

    def fade(self, batch_size: int, num_grids: int, draws: Draws) -> torch.Tensor:
        """Draw the channel of ``num_grids`` successive grids, in the layout of its domain."""
        return self._domain.fade(batch_size, num_grids, draws)

    def propagate(self, tx: torch.Tensor, h: torch.Tensor | None) -> torch.Tensor:
        """Apply the channel, without noise.

        Returns:
            Frequency domain: [batch, num_grids, num_rx_ant, num_ofdm_symbols, fft_size]; time
            domain: [batch, num_grids, num_rx_ant, num_time_samples]; complex.
        """
        return self._domain.apply(tx, _drawn(h))

    def demodulate(self, y: torch.Tensor) -> torch.Tensor:
        """Return resource elements [batch, num_grids, num_rx_ant, num_ofdm_symbols, fft_size]."""
        return self._domain.demodulate(y)

    def add_noise(self, y: torch.Tensor, no: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Add CN(0, no) to every received sample; ``no`` is [batch]."""
        shape = (y.shape[0], *y.shape[2:])
        noise = torch.stack(
            [
                draws.complex_normal("noise", draws.first_grid + g, shape, self.device, self.cdtype)
                for g in range(y.shape[1])
            ],
            dim=1,
        )
        return y + noise * no.sqrt().reshape(-1, *[1] * (y.ndim - 1))

    def receive(
        self, y: torch.Tensor, h: torch.Tensor | None, no: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Estimate the channel, equalise, and undo :meth:`transmit`."""
        y = self.demodulate(y)
        batch = y.shape[0]
        # [batch, num_grids, num_rx_ant, num_data]
        data = self.grid.data(y)
        if self.csi == "none":
            x_hat = data.reshape(batch, -1)
            return x_hat, no[:, None].expand(x_hat.shape)
        # In units in which every stream has energy 1, the noise is S times as strong.
        noise = (self.num_streams * no)[:, None, None, None]
        if self.csi == "estimated":
            h, error = self._estimate(math.sqrt(self.num_streams) * y, self.num_streams * no)
            noise = noise + error
        else:
            h = self.grid.data(self._domain.response(_drawn(h)))
        x_hat, no_eff = equalize(
            math.sqrt(self.num_streams) * data.movedim(2, -1), h.movedim(-1, 2), noise[..., 0, :],
            self.equalizer,
        )
        return x_hat.reshape(batch, -1), no_eff.reshape(batch, -1)

    def _estimate(self, y: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Estimate the channel at the data resource elements.

        Returns:
            h: [batch, num_grids, num_rx_ant, num_streams, num_data], complex.
            error: [batch, num_grids, 1, num_data or 1], real; error variance, summed over streams.
        """
        grids = y.shape[:2]
        h, error = self._estimator(y.flatten(0, 1), noise.repeat_interleave(grids[1]))
        error = error.expand(-1, -1, self.num_streams, -1, -1).sum(2)
        error = self.grid.used_data(error) if error.shape[-1] > 1 else error.flatten(-2)
        return self.grid.used_data(h).unflatten(0, grids), error.unflatten(0, grids)

    def channel_uses(self, num_symbols: torch.Tensor, num_side: torch.Tensor | None = None) -> ChannelUses:
        """Count resource elements; airtime has guards, DC, cyclic prefixes and empty rests too."""
        total, side = data_elements(num_symbols, num_side, self.num_streams)
        grids = self._grids(num_symbols)
        airtime = grids * self.grid.resource_grid.num_time_samples
        return ChannelUses(total - side, grids * self.grid.num_pilots, side, airtime)

    def _grids(self, num_symbols: torch.Tensor) -> torch.Tensor:
        """Return how many grids each item needs, [batch], torch.int64."""
        return -torch.div(-num_symbols, self.symbols_per_grid, rounding_mode="floor")


def _drawn(h: torch.Tensor | None) -> torch.Tensor:
    """Return the channel, which OFDM cannot do without."""
    if h is None:
        raise ValueError("h: None given; the channel that `fade` drew is needed")
    return h
