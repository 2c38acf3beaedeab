"""Uniform scalar quantisation of every dimension."""

import torch

from ..validation import check_range
from .base import Quantizer


class UniformQuantizer(Quantizer):
    """Cells of equal width over a range of every dimension; values outside go to the outermost cell.

    Indices are Gray-coded, so neighbouring cells differ in one bit.

    Args:
        dim: width of a token.
        num_bits: bits per dimension.
        limit: range of every dimension is [-limit, limit], until :meth:`fit` sets it.
        spread: range that :meth:`fit` takes, in standard deviations to either side of the mean.

    Example:
        >>> quantizer = UniformQuantizer(dim=2, num_bits=2, limit=2.0)
        >>> quantizer.values(quantizer.indices(torch.tensor([[0.3, -9.0]]))).tolist()
        [[0.5, -1.5]]
    """

    low: torch.Tensor
    step: torch.Tensor

    def __init__(self, *, dim: int, num_bits: int = 4, limit: float = 4.0, spread: float = 4.0) -> None:
        check_range("num_bits", num_bits, 1, 16, integer=True)
        super().__init__(dim=dim, num_indices=dim, bits_per_index=num_bits)
        check_range("limit", limit, 1e-12, 1e12)
        self.spread = check_range("spread", spread, 0.1, 100.0)
        self.num_levels = 2**num_bits
        self.register_buffer("low", torch.full((dim,), -float(limit)))
        self.register_buffer("step", torch.full((dim,), 2.0 * limit / self.num_levels))

    @torch.no_grad()
    def fit(self, values: torch.Tensor) -> None:
        """Take range and mean of every dimension from tokens; see :meth:`Quantizer.fit`."""
        super().fit(values)
        deviation = values.reshape(-1, self.dim).double().std(0)
        deviation = deviation.clamp_min(float(1e-6 * deviation.max().clamp_min(1e-12)))
        self.low.copy_(self.mean.double() - self.spread * deviation)
        self.step.copy_(2.0 * self.spread * deviation / self.num_levels)

    def _cells(self, values: torch.Tensor) -> torch.Tensor:
        return ((values - self.low) / self.step).floor().clamp(0, self.num_levels - 1)

    def _centres(self, cells: torch.Tensor) -> torch.Tensor:
        return self.low + (cells + 0.5) * self.step

    def indices(self, values: torch.Tensor) -> torch.Tensor:
        """Quantise; see :meth:`Quantizer.indices`."""
        cells = self._cells(values).long()
        return cells ^ (cells >> 1)

    def values(self, indices: torch.Tensor) -> torch.Tensor:
        """Return the centres of cells; see :meth:`Quantizer.values`."""
        cells, shift = indices.clone(), 1
        while shift < self.bits_per_index:
            cells = cells ^ (cells >> shift)
            shift *= 2
        return self._centres(cells.to(self.step.dtype))

    def straight_through(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the centres with the gradient of the clipped values, and no loss."""
        high = self.low + self.num_levels * self.step
        clipped = torch.minimum(torch.maximum(values, self.low), high)
        centres = self._centres(self._cells(values.detach()))
        return centres + (clipped - clipped.detach()), values.new_zeros(())
