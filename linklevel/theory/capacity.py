"""Ergodic and outage capacity of flat channels with Gaussian signalling and a receiver that knows h."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import exp1

from ..validation import check_range
from .fading import Fading
from .units import linear


def awgn_capacity(snr_db: ArrayLike) -> NDArray[np.float64]:
    r"""Return :math:`\log_2(1 + \gamma)`, bits per complex channel use.

    Args:
        snr_db: any shape, dB; Es/N0.

    Example:
        >>> float(awgn_capacity(0.0))
        1.0
    """
    return np.log1p(linear("snr_db", snr_db)) / np.log(2.0)


def ergodic_capacity(
    snr_db: ArrayLike, *, channel: str = "rayleigh", k_factor_db: float | None = None, num_rx_ant: int = 1
) -> NDArray[np.float64]:
    r"""Return :math:`E[\log_2(1 + \gamma G)]`, bits per complex channel use.

    Rayleigh with one antenna in closed form, :math:`e^{1/\gamma} E_1(1/\gamma) / \ln 2` (Alouini and
    Goldsmith, IEEE Trans. Veh. Technol. 48(4), 1999, eq. 34); else by quadrature over the gain.

    Args:
        snr_db: any shape, dB; mean Es/N0 at one receive antenna.
        channel: "awgn", "rayleigh" or "rician".
        k_factor_db: Rician K factor, dB.
        num_rx_ant: antennas combined with maximum ratio.

    Returns:
        Same shape as ``snr_db``.

    Example:
        >>> ergodic_capacity(10.0).round(3).item()
        2.907
    """
    fading = Fading(channel, k_factor_db, num_rx_ant)
    snr = linear("snr_db", snr_db)
    if fading == Fading("rayleigh"):
        return _rayleigh_capacity(snr)
    gains, weights = fading.grid()
    return np.log1p(snr[..., None] * gains) @ weights / np.log(2.0)


def _rayleigh_capacity(snr: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        x = 1.0 / snr
        exact = np.exp(x) * exp1(x)
        y = np.minimum(snr, 1.0)
        series = y * (1.0 - y * (1.0 - y * (2.0 - 6.0 * y)))  # exp(x) overflows before this errs
    value = np.where(snr < 1.0 / 500.0, series, exact)
    return np.where(np.isinf(snr), np.inf, value) / np.log(2.0)


def outage_probability(
    snr_db: ArrayLike,
    rate: float,
    *,
    channel: str = "rayleigh",
    k_factor_db: float | None = None,
    num_rx_ant: int = 1,
) -> NDArray[np.float64]:
    r"""Return :math:`P(\log_2(1 + \gamma G) < R)`, the block error rate limit of long codes in block fading.

    Args:
        snr_db: any shape, dB; mean Es/N0 at one receive antenna.
        rate: R, bits per complex channel use, at least 0.
        channel: "awgn", "rayleigh" or "rician".
        k_factor_db: Rician K factor, dB.
        num_rx_ant: antennas combined with maximum ratio.

    Returns:
        Same shape as ``snr_db``.

    Example:
        >>> outage_probability(20.0, 1.0).round(6).item()
        0.00995
    """
    check_range("rate", rate, 0.0)
    fading = Fading(channel, k_factor_db, num_rx_ant)
    snr = linear("snr_db", snr_db)
    if rate == 0.0:
        return np.zeros(snr.shape)
    with np.errstate(divide="ignore"):
        return fading.cdf(np.expm1(rate * np.log(2.0)) / snr)


def outage_capacity(
    snr_db: ArrayLike,
    outage: float,
    *,
    channel: str = "rayleigh",
    k_factor_db: float | None = None,
    num_rx_ant: int = 1,
) -> NDArray[np.float64]:
    r"""Return the largest rate whose outage probability is at most ``outage``.

    .. math:: C_\varepsilon = \log_2\!\left(1 + \gamma\, F_G^{-1}(\varepsilon)\right)

    Tse and Viswanath, Fundamentals of Wireless Communication, eq. (5.57).

    Args:
        snr_db: any shape, dB; mean Es/N0 at one receive antenna.
        outage: probability in [0, 1).
        channel: "awgn", "rayleigh" or "rician".
        k_factor_db: Rician K factor, dB.
        num_rx_ant: antennas combined with maximum ratio.

    Returns:
        Same shape as ``snr_db``; bits per complex channel use.
    """
    check_range("outage", outage, 0.0, 1.0 - 1e-12)
    gain = Fading(channel, k_factor_db, num_rx_ant).ppf(outage)
    return np.log1p(linear("snr_db", snr_db) * gain) / np.log(2.0)
