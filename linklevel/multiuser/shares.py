"""Bandwidth and power shares that serve the weakest of several devices best."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..theory.capacity import ergodic_capacity
from ..validation import check_choice, check_range

POWER = ("unit", "shared")

SMALLEST = 1e-9
"""Smallest share of band or power that the optimiser tries."""


@dataclass(frozen=True)
class BandShares:
    """Shares of a band and of a power budget.

    Args:
        bandwidth: one share per device; they sum to 1.
        power: one share per device; they sum to 1.
        rate: smallest rate of a device over its weight, bits per element of the whole band.
    """

    bandwidth: tuple[float, ...]
    power: tuple[float, ...]
    rate: float

    @property
    def energy(self) -> tuple[float, ...]:
        """Energy per resource element of each device's own, in units of the band's mean."""
        return tuple(p / w for p, w in zip(self.power, self.bandwidth, strict=True))


def max_min_shares(
    snr_db: Sequence[float],
    weights: Sequence[float] | None = None,
    *,
    power: str = "unit",
    channel: str = "awgn",
    k_factor_db: float | None = None,
    num_rx_ant: int = 1,
) -> BandShares:
    r"""Maximise the smallest weighted rate of devices that share a band.

    .. math:: \max_{w, q} \min_m \frac{R_m}{v_m}, \qquad
              R_m = w_m\, C\!\left(\frac{q_m}{w_m}\gamma_m\right), \qquad
              \sum_m w_m = \sum_m q_m = 1

    C is the ergodic capacity of :func:`~tokencom.linklevel.theory.ergodic_capacity` ("awgn": that of the mean SNR).
    With ``power="unit"`` every device keeps the energy 1 per resource element of its own, so q = w, all weighted rates
    are equal at the optimum, and :math:`w_m \propto v_m / C(\gamma_m)`. With "shared" the devices divide the band's
    power, whose mean energy per element stays 1. The rates are concave in (w, q), so the optimum that
    :func:`scipy.optimize.minimize` (SLSQP, from the solution of "unit") finds is the global one.

    Args:
        snr_db: Es/N0 of each device at one receive antenna and energy 1, dB.
        weights: payload of each device, v, relative to each other, above 0; equal if `None`.
        power: "unit" or "shared".
        channel: "awgn", "rayleigh" or "rician".
        k_factor_db: Rician K factor, dB.
        num_rx_ant: receive antennas, combined with maximum ratio.

    Raises:
        ValueError: for lists of different lengths, weights that are not positive, or an unknown choice.
        RuntimeError: if the optimiser finds no solution.

    Example:
        >>> shares = max_min_shares([0.0, 4.771212547])
        >>> [round(share, 3) for share in shares.bandwidth], round(shares.rate, 3)
        ([0.667, 0.333], 0.667)
    """
    check_choice("power", power, POWER)
    weights = [1.0] * len(snr_db) if weights is None else weights
    if len(weights) != len(snr_db) or not len(snr_db):
        raise ValueError(
            f"weights: {len(weights)} given for {len(snr_db)} devices; one for each of at least 1 is needed"
        )
    for m, weight in enumerate(weights):
        check_range(f"weights[{m}]", float(weight), 1e-6, 1e12)
        check_range(f"snr_db[{m}]", float(snr_db[m]), -60.0, 100.0)
    snr = tuple(round(float(s), 9) for s in snr_db)
    return _solved(snr, tuple(map(float, weights)), power, channel, k_factor_db, num_rx_ant)


@lru_cache(maxsize=4096)
def _solved(
    snr_db: tuple[float, ...], weights: tuple[float, ...], power: str, channel: str, k_factor_db: float | None,
    num_rx_ant: int,
) -> BandShares:  # fmt: skip
    v, snr = np.array(weights), np.array(snr_db)

    def capacity(energy: NDArray[np.float64]) -> NDArray[np.float64]:
        gain = 10.0 * np.log10(energy)
        return ergodic_capacity(snr + gain, channel=channel, k_factor_db=k_factor_db, num_rx_ant=num_rx_ant)

    start = v / capacity(np.ones_like(v))
    unit = start / start.sum()
    rate = 1.0 / start.sum()
    if power == "unit" or len(v) == 1:
        return BandShares(tuple(unit.tolist()), tuple(unit.tolist()), float(rate))
    from scipy.optimize import minimize  # here, because it is slow to import

    size = len(v)

    def margins(z: NDArray[np.float64]) -> NDArray[np.float64]:
        w, q = z[:size], z[size : 2 * size]
        return w * capacity(q / w) / (v * rate) - z[-1]

    found = minimize(
        lambda z: -z[-1],
        np.concatenate([unit, unit, [1.0]]),
        jac=lambda z: -np.eye(len(z))[-1],
        bounds=[(SMALLEST, 1.0)] * (2 * size) + [(0.0, None)],
        constraints=[
            {"type": "ineq", "fun": margins},
            {"type": "eq", "fun": lambda z: z[:size].sum() - 1.0},
            {"type": "eq", "fun": lambda z: z[size : 2 * size].sum() - 1.0},
        ],
        method="SLSQP",
        options={"ftol": 1e-10, "maxiter": 500},
    )
    if not found.success:
        raise RuntimeError(f"shares: no optimum found for snr_db={snr_db}: {found.message}")
    w, q = found.x[:size] / found.x[:size].sum(), found.x[size : 2 * size] / found.x[size : 2 * size].sum()
    return BandShares(tuple(w.tolist()), tuple(q.tolist()), float((w * capacity(q / w) / v).min()))
