"""What lies in each cell of a picture, as a further loss for image encoders."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "color": ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"),
    "shape": ("cube", "sphere", "cylinder"),
    "size": ("small", "large"),
    "material": ("rubber", "metal"),
}
"""Values of an object in CLEVR's scene files."""


def cell_targets(scene: Mapping[str, Any], size: tuple[int, int], grid: tuple[int, int]) -> torch.Tensor:
    """Return the values of the object whose centre lies in each cell; the nearest if there are several.

    Args:
        scene: with ``objects`` as in CLEVR's scene files.
        size: height and width of the picture, pixels.
        grid: cells along height and width.

    Returns:
        [cells, 4], torch.int64: number of each value of :data:`ATTRIBUTES`; -1 in empty cells.

    Example:
        >>> ball = {"color": "red", "shape": "sphere", "size": "small", "material": "metal"}
        >>> cell_targets({"objects": [{**ball, "pixel_coords": [10, 50, 9.0]}]}, (64, 64), (2, 2)).tolist()
        [[-1, -1, -1, -1], [-1, -1, -1, -1], [1, 1, 0, 1], [-1, -1, -1, -1]]
    """
    targets = torch.full((grid[0] * grid[1], len(ATTRIBUTES)), -1, dtype=torch.int64)
    for item in sorted(scene["objects"], key=lambda item: -item["pixel_coords"][2]):
        values = [names.index(item[name]) for name, names in ATTRIBUTES.items()]
        targets[cell_of(item, size, grid)] = torch.tensor(values)
    return targets


def cell_of(item: Mapping[str, Any], size: tuple[int, int], grid: tuple[int, int]) -> int:
    """Return the number of the cell that the centre of an object lies in, row by row.

    Args:
        item: with ``pixel_coords`` as in CLEVR's scene files.
        size: height and width of the picture, pixels.
        grid: cells along height and width.

    Example:
        >>> cell_of({"pixel_coords": [10, 50, 9.0]}, (64, 64), (2, 2))
        2
    """
    x, y, _ = item["pixel_coords"]
    row = min(max(int(y * grid[0] / size[0]), 0), grid[0] - 1)
    column = min(max(int(x * grid[1] / size[1]), 0), grid[1] - 1)
    return row * grid[1] + column


class CellHead(nn.Module):
    """Tells from a token whether its cell holds an object, and of which values; for training only.

    Args:
        dim: width of a token.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.sizes = [len(names) for names in ATTRIBUTES.values()]
        self.out = nn.Linear(dim, 1 + sum(self.sizes))

    def loss(self, values: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy of presence in all cells plus that of the values in occupied ones.

        Args:
            values: tokens [batch, cells, dim].
            targets: [batch, cells, 4], torch.int64, as :func:`cell_targets` gives them.
        """
        presence, *parts = self.out(values.float()).split([1, *self.sizes], dim=-1)
        there = targets[..., 0] >= 0
        loss = nn.functional.binary_cross_entropy_with_logits(presence[..., 0], there.to(presence))
        for number, part in enumerate(parts):
            wrong = nn.functional.cross_entropy(part[there], targets[..., number][there], reduction="sum")
            loss = loss + wrong / there.sum().clamp_min(1)
        return loss
