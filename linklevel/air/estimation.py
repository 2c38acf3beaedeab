r"""Channel estimation from Kronecker pilots.

Pilots of a stream sit at the crossings of some OFDM symbols and some subcarriers, so every
estimator here is a filter over time and a filter over frequency:
:math:`\hat{\mathbf{H}} = \mathbf{W}_t\, \mathbf{L}\, \mathbf{W}_f^T` for the least-squares
estimates :math:`\mathbf{L}` at the pilots.
"""

from collections.abc import Callable

import numpy as np
import torch
from sionna.phy import Object

from ..validation import check_choice
from .grid import Grid

INTERPOLATIONS = ("nn", "lin", "lin_time_avg", "lmmse")


class PilotEstimator(Object):
    r"""Least squares at the pilots, then a filter over the grid.

    All quantities are those of streams of unit energy each: a pilot has energy S. The interpolators
    give the estimates of Sionna's ``LSChannelEstimator`` with the same name: "nn" takes the nearest
    pilot, "lin" interpolates linearly over subcarriers and then over OFDM symbols, also beyond
    the outer pilots, "lin_time_avg" averages over OFDM symbols instead. Their error variance is the
    pilots' own, N0/S', as in Sionna; the error of the interpolation itself is not in it.

    "lmmse" is the linear estimator of least mean squared error given all pilots of the grid,

    .. math:: \hat{\mathbf{h}} = \mathbf{R}_{ap} (\mathbf{R}_{pp} + \sigma^2\mathbf{I})^{-1} \mathbf{l},
              \qquad \mathbf{R} = \mathbf{R}_t \otimes \mathbf{R}_f

    (S. M. Kay, Estimation Theory, 1993, eq. 12.20). The eigenvectors of :math:`\mathbf{R}_t` and
    :math:`\mathbf{R}_f` at the pilots diagonalise the inverse, which makes it exact and as cheap as an
    interpolation for any noise, where Sionna's ``LMMSEChannelEstimator`` approximates it by one pass over
    time and one over frequency.

    Args:
        grid: the resource grid, with pilots.
        interpolation: "nn", "lin", "lin_time_avg" or "lmmse".
        covariance: for "lmmse": returns the covariances over OFDM symbols
            [num_ofdm_symbols, num_ofdm_symbols] and over used subcarriers [used, used].

    Raises:
        ValueError: for an unknown interpolation or a grid without pilots.
    """

    def __init__(
        self, grid: Grid, interpolation: str, covariance: Callable[[], tuple[np.ndarray, np.ndarray]],
        precision: str | None = None, device: str | None = None,
    ) -> None:
        super().__init__(precision=precision, device=device)
        check_choice("interpolation", interpolation, INTERPOLATIONS)
        if not grid.pilot_symbols:
            raise ValueError("pilot_pattern: 'none' given with csi='estimated'; 'kronecker' is needed")
        rg, streams = grid.resource_grid, grid.num_streams
        used = rg.num_effective_subcarriers
        self._lmmse = interpolation == "lmmse"
        at = [np.arange(s, used, streams) for s in range(streams)]
        if self._lmmse:
            r_t, r_f = covariance()
            over_time = _eigenfilter(r_t, np.array(grid.pilot_symbols))
            over_frequency = [_eigenfilter(r_f, pilots) for pilots in at]
        else:
            over_time = _interpolator(grid.pilot_symbols, rg.num_ofdm_symbols, interpolation, time=True)
            over_frequency = [_interpolator(pilots, used, interpolation, time=False) for pilots in at]
        self._register("_time", [over_time])
        self._register("_frequency", over_frequency)
        pilots = rg.pilot_pattern.pilots.reshape(streams, len(grid.pilot_symbols), -1, streams)
        pilots = torch.stack([pilots[s, :, :, s] for s in range(streams)])
        self.register_buffer("_pilots", pilots)
        self.register_buffer("_rows", torch.tensor(grid.pilot_symbols, device=self.device))
        self.register_buffer("_subcarriers", grid.subcarriers)

    def _register(self, name: str, filters: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
        """Keep analysis [K, K] and synthesis [N, K] matrices and eigenvalues [K], stacked over streams."""
        analysis, synthesis, values = (np.stack(parts) for parts in zip(*filters, strict=True))
        self.register_buffer(f"{name}_in", torch.tensor(analysis, dtype=self.cdtype, device=self.device))
        self.register_buffer(f"{name}_out", torch.tensor(synthesis, dtype=self.cdtype, device=self.device))
        self.register_buffer(f"{name}_values", torch.tensor(values, dtype=self.dtype, device=self.device))

    def forward(self, y: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Estimate the channel at every used resource element.

        Args:
            y: [batch, num_rx_ant, num_ofdm_symbols, fft_size], complex.
            noise: [batch], real; noise variance in the units of ``y``.

        Returns:
            h_hat: [batch, num_rx_ant, num_streams, num_ofdm_symbols, used subcarriers], complex.
            error: [batch, 1, num_streams or 1, num_ofdm_symbols or 1, used or 1], real; error
                variance.
        """
        streams = self._pilots.shape[0]
        ls = y[:, :, self._rows][..., self._subcarriers]
        ls = ls.unflatten(-1, (-1, streams)).movedim(-1, 2) / self._pilots
        noise = noise[:, None, None, None, None] / streams
        if not self._lmmse:
            return self._time_out @ (ls @ self._frequency_out.mT), noise
        # [num_streams, pilot OFDM symbols, pilot subcarriers]
        power = self._time_values[..., None] * self._frequency_values[:, None, :]
        weight = 1.0 / (power + noise).clamp_min(torch.finfo(noise.dtype).tiny)
        h_hat = self._time_in @ ls @ self._frequency_in.mT * weight
        h_hat = self._time_out @ (h_hat @ self._frequency_out.mT)
        known = self._time_out.abs().square() @ weight @ self._frequency_out.abs().square().mT
        return h_hat, (1.0 - known).clamp_min(0.0)


def _interpolator(
    pilots: np.ndarray | list[int], size: int, interpolation: str, *, time: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weights [size, pilots] of an interpolation over one dimension."""
    pilots, where = np.asarray(pilots), np.arange(size)
    weights, rows = np.zeros((size, len(pilots))), np.arange(size)
    if time and interpolation == "lin_time_avg":
        weights[:] = 1.0 / len(pilots)
    elif interpolation == "nn" or len(pilots) == 1:
        weights[rows, np.abs(where[:, None] - pilots).argmin(1)] = 1.0
    else:
        left = np.clip(np.searchsorted(pilots, where) - 1, 0, len(pilots) - 2)
        share = (where - pilots[left]) / (pilots[left + 1] - pilots[left])
        weights[rows, left], weights[rows, left + 1] = 1.0 - share, share
    return np.eye(len(pilots)), weights, np.ones(len(pilots))


def _eigenfilter(r: np.ndarray, pilots: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return U^H, R_ap U and the eigenvalues of R_pp = U diag(values) U^H."""
    values, vectors = np.linalg.eigh(r[np.ix_(pilots, pilots)])
    # What float32 cannot tell from zero carries no information, only rounding errors.
    kept = values > 1e-7 * values[-1]
    values, vectors = np.where(kept, values, 0.0), np.where(kept, vectors, 0.0)
    return vectors.conj().T, r[:, pilots] @ vectors, values
