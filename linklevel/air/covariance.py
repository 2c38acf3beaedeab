"""Second-order statistics of a channel, for LMMSE estimation."""

from dataclasses import asdict

import numpy as np
import sionna
import torch
from sionna.phy.ofdm import ResourceGrid, tdl_freq_cov_mat, tdl_time_cov_mat

from ..draws import Draws
from .cache import recall
from .channel import Channel
from .tdl import TDLChannel

NUM_DRAWS = 4096
"""Realisations behind the covariances of channels other than TDL."""


def covariance(
    channel: Channel, num_tx_ant: int, num_rx_ant: int, resource_grid: ResourceGrid
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the covariances over OFDM symbols and over used subcarriers at unit mean gain.

    TDL has closed forms (Sionna's ``tdl_time_cov_mat`` and ``tdl_freq_cov_mat``). For the others
    paths are taken as uncorrelated and the channel as stationary,

    .. math:: r_t[n] \propto E\sum_p a_p(nT)\,a_p^*(0), \qquad
              r_f[k] \propto E\sum_p |a_p|^2 e^{-j2\pi k\Delta f\tau_p}

    with the means over 4,096 realisations of one position per array, kept in the user's cache folder.

    Returns:
        r_t: [num_ofdm_symbols, num_ofdm_symbols], complex128.
        r_f: [used subcarriers, used subcarriers], complex128.
    """
    rg = resource_grid
    if isinstance(channel, TDLChannel):
        frequency = tdl_freq_cov_mat(
            channel.model, rg.subcarrier_spacing, rg.fft_size, channel.delay_spread, precision="double"
        ).cpu().numpy()[:, 0]
        time = tdl_time_cov_mat(
            channel.model, channel.speed, channel.carrier_frequency, rg.ofdm_symbol_duration,
            rg.num_ofdm_symbols, precision="double",
        ).cpu().numpy()[:, 0]
    else:
        time, frequency = _estimated(channel, *channel.one_position(num_tx_ant, num_rx_ant), rg)
    used = rg.effective_subcarrier_ind
    return _toeplitz(time, np.arange(rg.num_ofdm_symbols)), _toeplitz(frequency, used)


def _toeplitz(r: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return the Hermitian matrix R[i, j] = r[where[i] - where[j]]."""
    lag = where[:, None] - where[None, :]
    return np.where(lag >= 0, r[np.abs(lag)], r[np.abs(lag)].conj())


def _estimated(channel: Channel, tx: int, rx: int, rg: ResourceGrid) -> tuple[np.ndarray, np.ndarray]:
    """Return r_t [num_ofdm_symbols] and r_f [fft_size], from the cache if they are there."""
    key = {"quantity": "covariance", "channel": channel.name, **asdict(channel), "antennas": [tx, rx],
           "num_draws": NUM_DRAWS, "num_ofdm_symbols": rg.num_ofdm_symbols,
           "ofdm_symbol_duration": rg.ofdm_symbol_duration,
           "fft_size": rg.fft_size, "subcarrier_spacing": rg.subcarrier_spacing,
           "sionna": sionna.__version__}
    pairs = recall(key, lambda: _estimate(channel, tx, rx, rg))
    time, frequency = (np.array(part)[:, 0] + 1j * np.array(part)[:, 1] for part in pairs)
    return time, frequency


def _estimate(channel: Channel, tx: int, rx: int, rg: ResourceGrid) -> list[list[list[float]]]:
    """Average over the realisations; pairs of real and imaginary parts, rounded to 1e-6."""
    sample, batch = channel.sampler(tx, rx, "cpu"), 128
    steps = rg.num_ofdm_symbols if channel.speed > 0.0 else 1
    shift = torch.arange(rg.fft_size, dtype=torch.float64) * (-2j * torch.pi * rg.subcarrier_spacing)
    time = torch.zeros(steps, dtype=torch.complex128)
    frequency = torch.zeros(rg.fft_size, dtype=torch.complex128)
    for index in range(NUM_DRAWS // batch):
        with Draws(seed=0).sionna("fade", index):
            a, tau = sample(batch, steps, 1.0 / rg.ofdm_symbol_duration)
        time += (a * a[..., :1].conj()).sum((0, 1, 2, 3))
        power = a[..., 0].abs().square().sum((1, 2)).double()
        paths = power.mean(0) > 0.0
        frequency += torch.einsum(
            "bp,bpk->k", power[:, paths].to(frequency.dtype), torch.exp(tau[:, paths, None].double() * shift)
        )
    return [
        [[round(float(v.real), 6), round(float(v.imag), 6)] for v in (r / r[0].real)]
        for r in (time.expand(rg.num_ofdm_symbols) if steps == 1 else time, frequency)
    ]
