"""Uplink multi-user MIMO: all devices at once, told apart by the base station's antennas."""

import copy
import math
from collections.abc import Sequence
from typing import Any, Self

import torch

from ..accounting import ChannelUses
from ..air.base import AirInterface, Received
from ..air.equalization import equalize
from ..air.flat import FlatAirInterface
from ..draws import Draws
from ..signal import sent_mask
from ..validation import check_choice, check_finite, check_range, check_shape
from .access import Levels, MultipleAccess, RoundUses
from .devices import draws_of_device

DETECTORS = ("lmmse", "zf")
ESTIMATORS = ("ls", "lmmse")


class UplinkMIMO(MultipleAccess):
    r"""M single-antenna devices in the same resource elements, N >= M antennas, joint linear detection.

    ```
    x_1 ─► pilots 1, radiate ─► h_1 √β_1 ─┐
      ...                                 ├─► + noise ─► estimate H ─► LMMSE or ZF ─► x̂_1 ... x̂_M, no_eff
    x_M ─► pilots M, radiate ─► h_M √β_M ─┘
    ```

    .. math:: \mathbf{y} = \sum_m \sqrt{\beta_m p_m}\, \mathbf{h}_m x_m + \mathbf{n},
              \qquad \mathbf{n} \sim \mathcal{CN}(0, N_0 \mathbf{I}_N)

    The fades are those of ``air``, one per item and device, independent between devices. Under Rician fading device
    m's line of sight comes from an angle of its own onto a half-wavelength linear array,
    :math:`a_n = e^{j\pi n \sin\theta_m}`; else all lines of sight would be the same vector.

    With ``csi="estimated"`` all devices send ``air.num_pilots`` (L >= M) pilots of their unit energy at the same time,
    rows of the L-point DFT matrix, which are orthogonal. The least-squares estimate of :math:`\sqrt{\beta_m p_m}
    \mathbf{h}_m` has error variance :math:`N_0/L`; the LMMSE estimate shrinks it towards its long-term mean with
    :math:`c_m/(c_m + N_0/L)`, where :math:`c_m` is the scattered power, leaving :math:`c_m N_0/L / (c_m + N_0/L)`
    (S. M. Kay, Estimation Theory, 1993, eq. 12.26). The sum of the error variances joins N0 in the detector and in
    ``no_eff``, which is exact in the mean for "lmmse" (error and estimate are independent) and the usual approximation
    for "ls".

    Detection is unbiased (Tse and Viswanath, Fundamentals of Wireless Communication, eq. 8.66 for the SINR of "lmmse").
    The receiver detects M streams in every element, also where a device has already ended: it uses no lengths that
    it was not sent.

    Args:
        air: flat Rayleigh or Rician block fading with one stream and N receive antennas, CSI perfect or estimated.
        num_devices: M, at most N.
        detector: "lmmse" or "zf".
        estimator: "ls" or "lmmse"; of no effect under perfect CSI.
        angles_deg: one angle of arrival per device against broadside, degrees, for Rician fading; evenly spaced sines
            if `None`.
        options: ``path_gain_db`` and ``power_control``; see :class:`~.access.MultipleAccess`.

    Raises:
        TypeError: for another kind of air interface.
        ValueError: for more devices than antennas or pilots, or a channel without independent block fades.

    Example:
        >>> uplink = UplinkMIMO(FlatAirInterface(channel="rayleigh", num_rx_ant=4), 2)
        >>> x = torch.ones(3, 50, dtype=torch.complex64)
        >>> [tuple(received.symbols.shape) for received in uplink.transmit([x, x[:, :20]], 10.0, Draws(seed=1))]
        [(3, 50), (3, 20)]
    """

    def __init__(
        self, air: FlatAirInterface, num_devices: int, *, detector: str = "lmmse", estimator: str = "ls",
        angles_deg: Sequence[float] | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(air, num_devices, **options)
        self.detector = check_choice("detector", detector, DETECTORS)
        self.estimator = check_choice("estimator", estimator, ESTIMATORS)
        self._check_air(air)
        self.air: FlatAirInterface = air
        if angles_deg is not None:
            self._check_list("angles_deg", angles_deg)
            sines = [math.sin(math.radians(check_range("angles_deg", a, -90.0, 90.0))) for a in angles_deg]
        else:
            sines = [(2 * m + 1) / self.num_devices - 1.0 for m in range(self.num_devices)]
        self._sines = torch.tensor(sines, dtype=torch.float64)

    def _check_air(self, air: AirInterface) -> None:
        if not isinstance(air, FlatAirInterface):
            raise TypeError(f"air: {type(air).__name__} given; UplinkMIMO takes a FlatAirInterface")
        if air.num_rx_ant < self.num_devices:
            raise ValueError(
                f"num_devices: {self.num_devices} given with num_rx_ant = {air.num_rx_ant}; more streams than antennas"
                f" cannot be told apart; at most {air.num_rx_ant} are allowed"
            )
        if air.channel == "awgn" or air.fading != "block":
            raise ValueError(
                f"air: channel {air.channel!r} with fading {air.fading!r} given; devices are told apart by independent"
                " block fades: channel 'rayleigh' or 'rician' with fading 'block'"
            )
        if air.csi == "none":
            raise ValueError("air.csi: 'none' given; joint detection needs 'perfect' or 'estimated'")
        if air.csi == "estimated" and air.num_pilots < self.num_devices:
            raise ValueError(
                f"air.num_pilots: {air.num_pilots} given for {self.num_devices} devices; orthogonal pilots are at least"
                f" {self.num_devices} long"
            )

    def over(self, air: AirInterface) -> Self:
        """Return the same access over another air interface; see :meth:`MultipleAccess.over`."""
        self._check_air(air)
        other = copy.copy(self)
        other.air = air
        return other

    @property
    def pilots(self) -> torch.Tensor:
        """Pilots of all devices, [num_devices, num_pilots], complex, of energy 1; rows are orthogonal."""
        length = self.air.num_pilots
        index = torch.arange(length)
        phase = -2.0 * math.pi * (index[: self.num_devices, None] * index % max(1, length)) / max(1, length)
        return torch.exp(1j * phase.double()).to(self.air.device, self.air.cdtype)

    @property
    def _steering(self) -> torch.Tensor:
        """Phases of the lines of sight over the array, [num_rx_ant, num_devices], complex."""
        antennas = torch.arange(self.air.num_rx_ant, dtype=torch.float64)[:, None]
        return torch.exp(1j * math.pi * antennas * self._sines).to(self.air.device, self.air.cdtype)

    def radiate(self, symbols: Sequence[torch.Tensor], num_symbols: Sequence[torch.Tensor]) -> torch.Tensor:
        """Put symbols and pilots on the antennas of the devices, at unit mean energy per element of their own.

        Args:
            symbols: one tensor [batch, width] per device, complex.
            num_symbols: one tensor [batch], torch.int64, per device.

        Returns:
            [batch, num_pilot_grids + num_grids, num_devices, 256], complex; zero where a device is silent.
        """
        width = max(x.shape[1] for x in symbols)
        x = torch.cat([torch.nn.functional.pad(one, (0, width - one.shape[1])) for one in symbols])
        count = torch.cat([one.to(x.device) for one in num_symbols])
        # One call for all devices, so that an audit of the air interface sees all of them.
        tx = self.air.transmit(torch.where(sent_mask(count, width), x, torch.zeros_like(x)), count)
        tx = tx.unflatten(0, (self.num_devices, -1)).movedim(0, 3).flatten(2, 3)
        first = self.air.num_pilot_grids
        if first == 0:
            return tx
        room = (0, first * tx.shape[-1] - self.air.num_pilots)
        sequences = torch.nn.functional.pad(self.pilots, room).reshape(self.num_devices, first, -1).transpose(0, 1)
        return torch.cat([tx[:, :first] * sequences, tx[:, first:]], 1)

    def fade(self, batch_size: int, draws: Draws) -> torch.Tensor:
        """Draw the channels of all devices: [batch, num_rx_ant, num_devices], complex, E|h|² = 1."""
        fades = []
        for device in range(self.num_devices):
            h = self.air.fade(batch_size, 1, draws_of_device(draws, device))
            if h is None:
                raise RuntimeError("air: drew no fades")
            fades.append(h[:, 0, :, 0, 0])
        h = torch.stack(fades, -1)
        return h if self.air.k_factor_db is None else h * self._steering

    def propagate(self, tx: torch.Tensor, h: torch.Tensor, levels: Levels) -> torch.Tensor:
        """Apply fades, long-term gains and power: [batch, num_pilot_grids + num_grids, num_rx_ant, 256]."""
        return self._scaled(h, levels)[:, None] @ tx

    def add_noise(self, y: torch.Tensor, levels: Levels, draws: Draws) -> torch.Tensor:
        """Add CN(0, N0) to every received sample."""
        return self.air.add_noise(y, levels.no, draws)

    def estimate(self, y: torch.Tensor, levels: Levels) -> tuple[torch.Tensor, torch.Tensor]:
        """Estimate the scaled channels from the pilots.

        Args:
            y: [batch, num_pilot_grids + num_grids, num_rx_ant, 256], complex.
            levels: long-term levels; all that "lmmse" knows beforehand.

        Returns:
            [batch, num_rx_ant, num_devices], complex; estimates of fades times the root of gain and power.
            [batch, num_devices], real; their error variances.
        """
        length = self.air.num_pilots
        heard = y[:, : self.air.num_pilot_grids].transpose(1, 2).flatten(2)[..., :length]
        estimate = heard @ self.pilots.mH / length
        error = (levels.no[:, None] / length).expand(levels.gain.shape)
        if self.estimator == "ls":
            return estimate, error
        k = 0.0 if self.air.k_factor_db is None else 10.0 ** (self.air.k_factor_db / 10.0)
        scattered = levels.received / (k + 1.0)
        mean = self._scaled(math.sqrt(k / (k + 1.0)) * self._steering, levels)
        trust = scattered / (scattered + error)
        return mean + trust[:, None] * (estimate - mean), trust * error

    def detect(self, y: torch.Tensor, h: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Separate the devices.

        Args:
            y: [batch, num_grids, num_rx_ant, 256], complex; payload elements.
            h: [batch, num_rx_ant, num_devices], complex; scaled channels or their estimates.
            noise: [batch], real; noise and estimation errors per antenna.

        Returns:
            unbiased estimates [batch, num_devices, num_grids * 256], complex, and their effective noise variance.
        """
        x_hat, no_eff = equalize(y.mT, h[:, None, None], noise[:, None, None], self.detector)
        return x_hat.flatten(1, 2).mT, no_eff.flatten(1, 2).mT

    def transmit(
        self,
        symbols: Sequence[torch.Tensor],
        snr_db: float | torch.Tensor | Sequence[Any],
        draws: Draws,
        num_symbols: Sequence[torch.Tensor] | None = None,
    ) -> list[Received]:
        """Send the symbols of all devices at once; see :meth:`MultipleAccess.transmit`."""
        counts = self._counts(symbols, num_symbols)
        for m, x in enumerate(symbols):
            check_finite(f"symbols[{m}]", check_shape(f"symbols[{m}]", x, ("batch", "num_symbols")).detach())
        levels = self.levels(snr_db, len(symbols[0]))
        no = levels.no[:, None] / levels.received
        if len(symbols[0]) == 0:
            return [Received(x, x.real, no[:, m]) for m, x in enumerate(symbols)]
        h = self.fade(len(no), draws)
        y = self.add_noise(self.propagate(self.radiate(symbols, counts), h, levels), levels, draws)
        scaled, noise = self._scaled(h, levels), levels.no
        if self.air.csi == "estimated":
            scaled, error = self.estimate(y, levels)
            noise = noise + error.sum(1)
        x_hat, no_eff = self.detect(y[:, self.air.num_pilot_grids :], scaled, noise)
        return [
            Received(x_hat[:, m, : x.shape[1]], no_eff[:, m, : x.shape[1]], no[:, m]) for m, x in enumerate(symbols)
        ]

    def uses(
        self,
        num_symbols: Sequence[torch.Tensor],
        snr_db: float | torch.Tensor | Sequence[Any],
        num_side: Sequence[torch.Tensor] | None = None,
    ) -> RoundUses:
        """Count what a round costs; see :meth:`MultipleAccess.uses`.

        The devices share their elements, so the round is as long as its longest item, and that item's side
        information is the round's.
        """
        uses = self._device_uses(num_symbols, num_side)
        data = torch.stack([u.payload + u.side_information for u in uses], 1)
        longest = data.argmax(1, keepdim=True)
        side = torch.stack([u.side_information for u in uses], 1).gather(1, longest)[:, 0]
        payload = data.gather(1, longest)[:, 0] - side
        pilots = torch.stack([u.pilots for u in uses], 1).amax(1)
        shared = ChannelUses(payload, pilots, side, airtime=payload + side + pilots)
        airtime = torch.stack([u.airtime for u in uses], 1)
        return RoundUses(shared, airtime, airtime * self.levels(snr_db, len(data)).power.double())

    @staticmethod
    def _scaled(h: torch.Tensor, levels: Levels) -> torch.Tensor:
        return h * levels.received.sqrt()[:, None]
