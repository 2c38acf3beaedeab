"""From visual tokens to the width of a language model."""

from typing import Literal

import torch
from torch import nn

from ...linklevel.jscc.base import seeded
from ...linklevel.validation import check_choice, check_range
from .kan import KANLayer

Kind = Literal["kan", "mlp", "linear"]
KINDS = ("kan", "mlp", "linear")


class KANProjector(nn.Module):
    """Two KAN layers, each on normalised inputs (TaiChi, eq 10).

    Layer norm brings the inputs to unit deviation; the grid reaches to three of them.

    Args:
        in_dim: width of a visual token.
        out_dim: width of the language model.
        hidden: width between the layers.
        grid_size: intervals of each grid.
        order: of the splines.
        seed: of the initial parameters.
    """

    def __init__(
        self, in_dim: int, out_dim: int, *, hidden: int, grid_size: int = 5, order: int = 3, seed: int = 0
    ) -> None:
        super().__init__()
        ends = (-3.0, 3.0)
        self.norms = nn.ModuleList([nn.LayerNorm(in_dim), nn.LayerNorm(hidden)])
        self.layers = nn.ModuleList(
            [
                KANLayer(in_dim, hidden, grid_size=grid_size, order=order, grid_range=ends, seed=seed),
                KANLayer(hidden, out_dim, grid_size=grid_size, order=order, grid_range=ends, seed=seed + 1),
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return [..., out_dim] of x [..., in_dim]."""
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = layer(norm(x))
        return x

    @torch.no_grad()
    def update_grid(self, samples: torch.Tensor, *, grid_size: int | None = None) -> None:
        """Fit both grids to samples [..., in_dim] of the inputs; see :meth:`KANLayer.update_grid`."""
        for norm, layer in zip(self.norms, self.layers, strict=True):
            assert isinstance(layer, KANLayer)
            inputs = norm(samples)
            layer.update_grid(inputs.flatten(0, -2), grid_size=grid_size)
            samples = layer(inputs)


def projector(
    kind: Kind, in_dim: int, out_dim: int, *, hidden: int, grid_size: int = 5, order: int = 3, seed: int = 0
) -> nn.Module:
    """Return a projector; the MLP has as many parameters as the KAN, to the nearest hidden unit.

    Args:
        kind: "kan"; "mlp", linear, GELU, linear; or "linear", a single matrix after layer norm.
        in_dim: width of a visual token.
        out_dim: width of the language model.
        hidden: width between the KAN's layers.
        grid_size: intervals of the KAN's grids.
        order: of the KAN's splines.
        seed: of the initial parameters.

    Raises:
        ValueError: for an unknown kind, or numbers out of range.

    Example:
        >>> sizes = [sum(p.numel() for p in projector(kind, 64, 96, hidden=16).parameters()) for kind in ("kan", "mlp")]
        >>> sizes
        [25760, 25823]
    """
    check_choice("projector", kind, KINDS)
    check_range("hidden", hidden, 1, integer=True)
    if kind == "kan":
        return KANProjector(in_dim, out_dim, hidden=hidden, grid_size=grid_size, order=order, seed=seed)
    with seeded(seed):
        if kind == "linear":
            return nn.Sequential(nn.LayerNorm(in_dim), nn.Linear(in_dim, out_dim))
        wanted = (grid_size + order + 2) * hidden * (in_dim + out_dim) + 2 * hidden
        units = max(1, round((wanted - out_dim) / (in_dim + out_dim + 1)))
        return nn.Sequential(nn.LayerNorm(in_dim), nn.Linear(in_dim, units), nn.GELU(), nn.Linear(units, out_dim))
