"""The law of the channel gain |h|² at the output of a maximum-ratio combiner."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..validation import check_choice, check_range

CHANNELS = ("awgn", "rayleigh", "rician")
_GRID_POINTS = 4096
_TAIL = 1e-12


@dataclass(frozen=True)
class Fading:
    r"""Gain :math:`G = \sum_{l=1}^{L} |h_l|^2` of L independent branches with :math:`E|h_l|^2 = 1`.

    Rayleigh: G is gamma distributed with shape L. Rician with factor K:
    :math:`2(1+K)\,G` is non-central chi-square with 2L degrees of freedom and non-centrality 2KL
    (Proakis and Salehi, Digital Communications, 5th ed., 2.3). AWGN: G = L.

    Args:
        channel: "awgn", "rayleigh" or "rician".
        k_factor_db: power of the line of sight over the scattered power, dB; Rician only.
        num_rx_ant: branches L that are combined, 1 to 64.

    Raises:
        ValueError: for an unknown channel, a missing K factor, or one where there is none.

    Example:
        >>> Fading("rayleigh").cdf(0.1).round(4).item()
        0.0952
    """

    channel: str = "awgn"
    k_factor_db: float | None = None
    num_rx_ant: int = 1

    def __post_init__(self) -> None:
        check_choice("channel", self.channel, CHANNELS)
        check_range("num_rx_ant", self.num_rx_ant, 1, 64, integer=True)
        if self.channel == "rician":
            if self.k_factor_db is None:
                raise ValueError("k_factor_db: None given; a number in dB is needed for channel 'rician'")
            check_range("k_factor_db", self.k_factor_db, -60.0, 60.0)
        elif self.k_factor_db is not None:
            raise ValueError(
                f"k_factor_db: {self.k_factor_db!r} given; channel {self.channel!r} has none, 'rician' has"
            )

    @property
    def k_factor(self) -> float:
        """The K factor as a ratio; 0 for Rayleigh, infinite for AWGN."""
        if self.k_factor_db is not None:
            return 10.0 ** (self.k_factor_db / 10.0)
        return 0.0 if self.channel == "rayleigh" else math.inf

    def laplace(self, s: ArrayLike) -> NDArray[np.float64]:
        r"""Return :math:`E[e^{-sG}]` for s >= 0 (Simon and Alouini, table 2.2).

        Args:
            s: any shape; infinity allowed.
        """
        s = np.asarray(s, dtype=np.float64)
        if self.channel == "awgn":
            return np.exp(-s * self.num_rx_ant)
        k = self.k_factor
        w = (1.0 + k) / (1.0 + k + s)
        return (w * np.exp(-k * (1.0 - w))) ** self.num_rx_ant

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return P(G < x)."""
        x = np.asarray(x, dtype=np.float64)
        if self.channel == "awgn":
            return (x > self.num_rx_ant).astype(np.float64)
        law, scale = self._law()
        return law.cdf(x / scale)

    def ppf(self, p: ArrayLike) -> NDArray[np.float64]:
        """Return the gain that is not reached with probability p in [0, 1]."""
        p = np.asarray(p, dtype=np.float64)
        if self.channel == "awgn":
            return np.full(p.shape, float(self.num_rx_ant))
        law, scale = self._law()
        return law.ppf(p) * scale

    def _law(self) -> tuple[Any, float]:
        """Return scipy's frozen distribution of G / scale, and the scale."""
        from scipy.stats import gamma, ncx2  # here, because AWGN needs none and it is slow to import

        if self.channel == "rayleigh":
            return gamma(self.num_rx_ant), 1.0
        dof = 2 * self.num_rx_ant
        return ncx2(dof, self.k_factor * dof), 1.0 / (2.0 * (1.0 + self.k_factor))

    def grid(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return gains and weights (summing to 1) whose weighted sum is a mean over the fading.

        The trapezoidal rule over the gain in dB, from the 1e-12 to the 1 - 1e-12 quantile. Unlike a
        Gauss rule it stays accurate for functions that step from 0 to 1 within a fraction of a dB,
        as block error rates do.
        """
        return _grid(self)


@lru_cache(maxsize=64)
def _grid(fading: Fading) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if fading.channel == "awgn":
        gains, weights = np.array([float(fading.num_rx_ant)]), np.ones(1)
    else:
        gains = np.geomspace(fading.ppf(_TAIL), fading.ppf(1.0 - _TAIL), _GRID_POINTS)
        law, scale = fading._law()
        weights = gains * law.pdf(gains / scale)  # the density of the logarithm
        weights /= weights.sum()
    gains.flags.writeable = weights.flags.writeable = False
    return gains, weights
