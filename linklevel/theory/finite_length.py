r"""Normal approximation to the block error rate of the best codes of finite length.

With n complex channel uses, capacity C and dispersion V (Polyanskiy, Poor and Verdú, "Channel coding
rate in the finite blocklength regime", IEEE Trans. Inf. Theory 56(5), 2010, eqs. (1), (293), (296)):

.. math:: R = C - \sqrt{\frac{V}{n}}\, Q^{-1}(\varepsilon) + \frac{\log_2 n}{2n}, \qquad
    C = \log_2(1 + \gamma),\quad V = \left(1 - (1 + \gamma)^{-2}\right) \log_2^2 e

For a constellation, C and V are the moments of its information density
(:mod:`~tokencom.linklevel.theory.constrained`). With block fading the error rate is averaged over the
gain of a block (Yang, Durisi, Koch and Polyanskiy, "Quasi-static multiple-antenna fading channels at
finite blocklength", IEEE Trans. Inf. Theory 60(7), 2014); over unequal gains inside one block, C and V
are means over its resource elements.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..validation import check_choice, check_range
from .constellations import check_constellation
from .constrained import Moments, constrained_table
from .fading import Fading
from .units import linear, q_function, q_inverse

_BISECTIONS = 60


class Alphabet:
    """What the symbols are: Gaussian, or a constellation with equally likely points.

    Args:
        num_bits_per_symbol: of the constellation; Gaussian if `None`.
        constellation_type: "qam", "psk" or "pam".
        coded_modulation: "cm" (joint decoding) or "bicm" (bit by bit).
    """

    def __init__(
        self, num_bits_per_symbol: int | None, constellation_type: str = "qam", coded_modulation: str = "cm"
    ) -> None:
        check_choice("coded_modulation", coded_modulation, ("cm", "bicm"))
        self.table, self.max_rate = None, math.inf
        if num_bits_per_symbol is not None:
            check_constellation(constellation_type, num_bits_per_symbol)
            self.table = constrained_table(int(num_bits_per_symbol), constellation_type, coded_modulation)
            self.max_rate = float(num_bits_per_symbol)

    def moments(self, snr: NDArray[np.float64]) -> Moments:
        """Return C and V at linear SNRs of any shape."""
        if self.table is not None:
            return self.table.moments(snr)
        return np.log2(1.0 + snr), (1.0 - (1.0 + snr) ** -2.0) * math.log2(math.e) ** 2


def normal_approximation_bler(
    snr_db: ArrayLike,
    num_channel_uses: int,
    rate: float,
    *,
    num_bits_per_symbol: int | None = None,
    constellation_type: str = "qam",
    coded_modulation: str = "cm",
    channel: str = "awgn",
    k_factor_db: float | None = None,
    fading: str = "block",
    num_rx_ant: int = 1,
) -> NDArray[np.float64]:
    """Return the block error rate of the best code of a given length and rate.

    Args:
        snr_db: any shape, dB; mean Es/N0 at one receive antenna.
        num_channel_uses: n, complex channel uses of a block, at least 1.
        rate: information bits per complex channel use, above 0.
        num_bits_per_symbol: size of the constellation; Gaussian signalling if `None`.
        constellation_type: "qam", "psk" or "pam".
        coded_modulation: "cm" or "bicm".
        channel: "awgn", "rayleigh" or "rician", known to the receiver.
        k_factor_db: Rician K factor, dB.
        fading: "block", one gain a block, or "symbol", an independent gain for each channel use.
        num_rx_ant: antennas combined with maximum ratio.

    Returns:
        Same shape as ``snr_db``. A rate above ``num_bits_per_symbol`` gives 1.

    Raises:
        ValueError: for a parameter outside its range.

    Example:
        >>> normal_approximation_bler([0.0, 1.0, 2.0], 500, 1.0).round(4).tolist()
        [0.4363, 0.0007, 0.0]
    """
    alphabet = Alphabet(num_bits_per_symbol, constellation_type, coded_modulation)
    law = Fading(channel, k_factor_db, num_rx_ant)
    _check_block(num_channel_uses, rate)
    snr = linear("snr_db", snr_db)
    capacity, dispersion, weights = _block_moments(snr, alphabet, law, fading)
    return _error(capacity, dispersion, num_channel_uses, rate, alphabet.max_rate) @ weights


def normal_approximation_rate(
    snr_db: ArrayLike,
    num_channel_uses: int,
    bler: float,
    *,
    num_bits_per_symbol: int | None = None,
    constellation_type: str = "qam",
    coded_modulation: str = "cm",
    channel: str = "awgn",
    k_factor_db: float | None = None,
    fading: str = "block",
    num_rx_ant: int = 1,
) -> NDArray[np.float64]:
    """Return the largest rate whose block error rate is at most ``bler``.

    The inverse of :func:`normal_approximation_bler`, which explains the other parameters.

    Args:
        snr_db: any shape, dB; mean Es/N0 at one receive antenna.
        num_channel_uses: n, complex channel uses of a block, at least 1.
        bler: target block error rate, in (0, 1).
        num_bits_per_symbol: size of the constellation; Gaussian signalling if `None`.
        constellation_type: "qam", "psk" or "pam".
        coded_modulation: "cm" or "bicm".
        channel: "awgn", "rayleigh" or "rician".
        k_factor_db: Rician K factor, dB.
        fading: "block" or "symbol".
        num_rx_ant: antennas combined with maximum ratio.

    Returns:
        Same shape as ``snr_db``, bits per complex channel use; 0 where no positive rate reaches ``bler``.

    Example:
        >>> normal_approximation_rate(0.0, 500, 1e-3).round(4).item()
        0.8363
    """
    alphabet = Alphabet(num_bits_per_symbol, constellation_type, coded_modulation)
    law = Fading(channel, k_factor_db, num_rx_ant)
    _check_block(num_channel_uses, 0.0)
    check_range("bler", bler, 1e-300, 1.0 - 1e-12)
    snr = linear("snr_db", snr_db)
    capacity, dispersion, weights = _block_moments(snr, alphabet, law, fading)
    n = num_channel_uses
    bound = capacity - np.sqrt(dispersion / n) * q_inverse(bler) + math.log2(n) / (2 * n)
    if weights.size == 1:
        return np.clip(bound[..., 0], 0.0, alphabet.max_rate)
    low, high = np.zeros(snr.shape), np.minimum(bound.max(-1), alphabet.max_rate).clip(min=0.0)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        fits = _error(capacity, dispersion, n, middle[..., None], alphabet.max_rate) @ weights <= bler
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return low


def bler_over_gains(
    snr_db: ArrayLike,
    num_channel_uses: int,
    rate: float,
    gains: ArrayLike,
    *,
    num_bits_per_symbol: int | None = None,
    constellation_type: str = "qam",
    coded_modulation: str = "cm",
) -> NDArray[np.float64]:
    """Return the normal approximation over samples of a frequency-selective channel, as of OFDM.

    Each draw is a block: C and V are means over its resource elements. The error rate is the mean
    over the draws.

    Args:
        snr_db: any shape, dB; Es/N0 at one receive antenna, averaged over fading.
        num_channel_uses: n, data resource elements of a block; ``gains`` may sample them.
        rate: information bits per data resource element, above 0.
        gains: [num_draws, num_resource_elements], |h|² summed over receive antennas.
        num_bits_per_symbol: size of the constellation; Gaussian signalling if `None`.
        constellation_type: "qam", "psk" or "pam".
        coded_modulation: "cm" or "bicm".

    Returns:
        Same shape as ``snr_db``.

    Raises:
        ValueError: for gains that are negative, not finite or not a non-empty matrix.
    """
    alphabet = Alphabet(num_bits_per_symbol, constellation_type, coded_modulation)
    _check_block(num_channel_uses, rate)
    gains = np.asarray(gains, dtype=np.float64)
    if gains.ndim != 2 or gains.size == 0:
        shape = list(gains.shape)
        raise ValueError(f"gains: shape {shape} given, [num_draws, num_resource_elements] expected")
    if not (np.isfinite(gains).all() and (gains >= 0.0).all()):
        raise ValueError("gains: negative or non-finite elements given; |h|² must be finite and at least 0")
    snr = linear("snr_db", snr_db)
    bler = np.empty(snr.size)
    for index, value in enumerate(snr.ravel()):  # one SNR at a time bounds the memory
        capacity, dispersion = alphabet.moments(value * gains)
        errors = _error(capacity.mean(-1), dispersion.mean(-1), num_channel_uses, rate, alphabet.max_rate)
        bler[index] = errors.mean()
    return bler.reshape(snr.shape)


def _check_block(num_channel_uses: int, rate: float) -> None:
    check_range("num_channel_uses", num_channel_uses, 1, integer=True)
    check_range("rate", rate, 0.0)


def _block_moments(
    snr: NDArray[np.float64], alphabet: Alphabet, law: Fading, fading: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return C and V of each kind of block, [..., G], and the probability of each kind, [G]."""
    check_choice("fading", fading, ("block", "symbol"))
    gains, weights = law.grid()
    capacity, dispersion = alphabet.moments(snr[..., None] * gains)
    if fading == "block":
        return capacity, dispersion, weights
    mean = capacity @ weights  # every block sees all gains: total variance of the information density
    spread = (capacity - mean[..., None]) ** 2 @ weights
    return mean[..., None], (dispersion @ weights + spread)[..., None], np.ones(1)


def _error(
    capacity: NDArray[np.float64],
    dispersion: NDArray[np.float64],
    num_channel_uses: int,
    rate: float | NDArray[np.float64],
    max_rate: float,
) -> NDArray[np.float64]:
    margin = num_channel_uses * (capacity - rate) + 0.5 * math.log2(num_channel_uses)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = margin / np.sqrt(num_channel_uses * dispersion)
    z = np.where(np.isnan(z), 0.0, z)  # no margin and no dispersion: a fair coin
    return np.where(np.asarray(rate) > max_rate, 1.0, q_function(z))
