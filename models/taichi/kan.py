"""Layers whose edges are functions: a SiLU and a B-spline each."""

import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ...linklevel.validation import check_finite, check_range, check_shape


class KANLayer(nn.Module):
    """A Kolmogorov-Arnold layer.

    Output j is the sum over inputs i of (TaiChi, arXiv 2603.00482, eqs 8-10; Z. Liu et al., "KAN", 2024):

        phi_ji(x) = w_b,ji SiLU(x) + w_s,ji sum_m c_jim B_m,i(x)

    with B-splines B of an order on a grid of its own for each input: ``grid_size + order`` of them. An edge
    has ``grid_size + order + 2`` parameters. Beyond the grid the splines fade out within ``order`` intervals and only
    the SiLU acts, so inputs should be normalised to the grid's range. The layer is two matrix products, so memory
    is linear in edges and in items.

    Args:
        in_features: number of inputs.
        out_features: number of outputs.
        grid_size: intervals of the grid.
        order: of the splines: 0 constant, 1 linear, 3 cubic.
        grid_range: ends of the first grid.
        seed: of the initial parameters.

    Example:
        >>> KANLayer(4, 3)(torch.zeros(2, 5, 4)).shape
        torch.Size([2, 5, 3])
    """

    knots: torch.Tensor

    def __init__(
        self, in_features: int, out_features: int, *, grid_size: int = 5, order: int = 3,
        grid_range: tuple[float, float] = (-1.0, 1.0), seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.in_features = check_range("in_features", in_features, 1, integer=True)
        self.out_features = check_range("out_features", out_features, 1, integer=True)
        self.grid_size = check_range("grid_size", grid_size, 1, integer=True)
        self.order = check_range("order", order, 0, 10, integer=True)
        low, high = grid_range
        if not low < high:
            raise ValueError(f"grid_range: {tuple(grid_range)} given; the lower end must come first, such as (-1, 1)")
        grid = torch.linspace(low, high, grid_size + 1).expand(in_features, -1)
        self.register_buffer("knots", extended(grid, order))
        with seeded(seed):
            bound = in_features**-0.5
            self.base_weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
            self.spline_weight = nn.Parameter(torch.full((out_features, in_features), bound))
            self.coefficients = nn.Parameter(0.1 * torch.randn(out_features, in_features, grid_size + order))

    def bases(self, x: torch.Tensor) -> torch.Tensor:
        """Return the value of every basis function, [..., in_features, grid_size + order], for x [..., in_features]."""
        return bspline_bases(x, self.knots, self.order)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, [..., out_features], for x [..., in_features].

        Raises:
            ValueError: for another number of inputs.
        """
        if x.shape[-1] != self.in_features:
            raise ValueError(f"x: {list(x.shape)} given, [..., {self.in_features}] is needed")
        scaled = self.spline_weight[..., None] * self.coefficients
        spline = nn.functional.linear(self.bases(x).flatten(-2), scaled.flatten(1))
        return nn.functional.linear(nn.functional.silu(x), self.base_weight) + spline

    @torch.no_grad()
    def update_grid(self, samples: torch.Tensor, *, grid_size: int | None = None, uniform: float = 0.02) -> None:
        """Move the grid to where the inputs are, and keep the function by least squares on the samples.

        The coefficients are fitted to the splines alone; the weights w_s stay, and so are not applied twice.
        A larger grid that halves the intervals of the old one (``uniform=1`` and samples that span it) loses nothing.

        Args:
            samples: [num_samples, in_features], inputs of the layer; more than ``grid_size + order`` of them.
            grid_size: intervals of the new grid; as many as before if `None`.
            uniform: share of the even grid in the new one; the rest follows the quantiles of the samples.

        Raises:
            ValueError: for samples of another shape, too few, or not finite.
        """
        size = self.grid_size if grid_size is None else check_range("grid_size", grid_size, 1, integer=True)
        check_range("uniform", uniform, 0, 1)
        samples = check_finite("samples", samples.reshape(-1, samples.shape[-1]))
        check_shape("samples", samples, ("num_samples", self.in_features))
        check_range("number of samples", len(samples), size + self.order + 1)
        x = samples.double()
        wanted = torch.einsum(
            "nib,oib->ino", bspline_bases(x, self.knots.double(), self.order), self.coefficients.double()
        )
        knots = extended(_grid(x, size, uniform), self.order)
        design = bspline_bases(x, knots, self.order).transpose(0, 1)
        # By SVD: a basis function that no sample reaches gets coefficient 0 and does no harm.
        found = torch.linalg.lstsq(design, wanted, driver="gelsd").solution
        self.coefficients = nn.Parameter(found.permute(2, 0, 1).to(self.coefficients))
        self.knots, self.grid_size = knots.to(self.knots), size


def bspline_bases(x: torch.Tensor, knots: torch.Tensor, order: int) -> torch.Tensor:
    """Return B-splines by the recursion of Cox and de Boor, [..., num_inputs, num_knots - order - 1].

    Args:
        x: [..., num_inputs].
        knots: [num_inputs, num_knots], strictly increasing.
        order: of the splines.
    """
    x = x[..., None]
    bases = ((x >= knots[:, :-1]) & (x < knots[:, 1:])).to(x.dtype)
    for k in range(1, order + 1):
        rising = (x - knots[:, : -k - 1]) / (knots[:, k:-1] - knots[:, : -k - 1])
        falling = (knots[:, k + 1 :] - x) / (knots[:, k + 1 :] - knots[:, 1:-k])
        bases = rising * bases[..., :-1] + falling * bases[..., 1:]
    return bases


def extended(grid: torch.Tensor, order: int) -> torch.Tensor:
    """Return a grid [num_inputs, grid_size + 1] with ``order`` more knots at each end, at the mean distance."""
    step = (grid[:, -1:] - grid[:, :1]) / (grid.shape[1] - 1)
    more = step * torch.arange(1, order + 1, dtype=grid.dtype, device=grid.device)
    return torch.cat([grid[:, :1] - more.flip(1), grid, grid[:, -1:] + more], 1)


def _grid(x: torch.Tensor, size: int, uniform: float) -> torch.Tensor:
    """Return the knots for samples [num_samples, num_inputs]: between their quantiles and an even grid."""
    ordered = x.sort(0).values
    low, high = ordered[0], ordered[-1]
    # The largest sample belongs to the last, half-open interval.
    margin = 1e-6 * (high - low) + 1e-6
    share = torch.linspace(0, 1, size + 1, dtype=x.dtype, device=x.device)[:, None]
    even = low - margin + share * (high - low + 2 * margin)
    places = (share[:, 0] * (len(x) - 1)).round().long()
    quantiles = ordered[places]
    quantiles[0], quantiles[-1] = even[0], even[-1]
    grid = (1 - uniform) * quantiles + uniform * even
    # Knots that coincide (repeated samples) are moved apart.
    least = 1e-3 * (even[1] - even[0])
    for place in range(1, size + 1):
        grid[place] = torch.maximum(grid[place], grid[place - 1] + least)
    return grid.T.contiguous()
