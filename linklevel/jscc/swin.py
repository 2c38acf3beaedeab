"""Swin Transformer blocks: self-attention within shifted windows.

Z. Liu, Y. Lin, Y. Cao, H. Hu, Y. Wei, Z. Zhang, S. Lin and B. Guo, "Swin Transformer: Hierarchical Vision
Transformer using Shifted Windows", ICCV 2021. Features are [batch, height, width, channels].
"""

import torch
from torch import nn

from ..validation import check_range


class WindowAttention(nn.Module):
    """Self-attention among the positions of each window, with a bias for every relative position.

    Windows lie on a grid that is shifted cyclically by ``shift``; positions that only the wrap-around
    brings into one window do not see each other. A window larger than the picture is cut to it, and not
    shifted.

    Args:
        channels: width of the features.
        heads: attention heads; must divide ``channels``.
        grid: height and width of the picture, multiples of the window.
        window: side of a window.
        shift: of the windows, less than ``window``.
    """

    index: torch.Tensor
    allowed: torch.Tensor

    def __init__(self, channels: int, *, heads: int, grid: tuple[int, int], window: int, shift: int) -> None:
        super().__init__()
        if channels % check_range("heads", heads, 1, integer=True):
            raise ValueError(f"heads: {heads} given; it must divide the width {channels}")
        if window >= min(grid):
            window, shift = min(grid), 0
        if grid[0] % window or grid[1] % window:
            raise ValueError(
                f"window: {window} given; it must divide the latent picture of {grid[0]} x {grid[1]} positions"
            )
        self.heads, self.grid, self.window, self.shift = heads, grid, window, shift
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.bias = nn.Parameter(0.02 * torch.randn(heads, (2 * window - 1) ** 2))
        place = torch.cartesian_prod(torch.arange(window), torch.arange(window))
        apart = place[:, None] - place + window - 1
        self.register_buffer("index", apart[..., 0] * (2 * window - 1) + apart[..., 1], persistent=False)
        self.register_buffer("allowed", self._allowed(), persistent=False)

    def _allowed(self) -> torch.Tensor:
        """Return which positions of a window may see each other, [num_windows, positions, positions]."""
        regions = []
        for side in self.grid:
            place = torch.arange(side)
            regions.append(
                (place >= side - self.window).long() + (place >= side - self.shift).long() * (self.shift > 0)
            )
        region = 3 * regions[0][:, None] + regions[1]
        region = self._windows(region[None, :, :, None])[0, :, :, 0]
        return region[:, :, None] == region[:, None, :]

    def _windows(self, x: torch.Tensor) -> torch.Tensor:
        """Cut [batch, height, width, channels] into windows [batch, num_windows, positions, channels]."""
        w = self.window
        x = x.unflatten(2, (-1, w)).unflatten(1, (-1, w)).transpose(2, 3)
        return x.flatten(1, 2).flatten(2, 3)

    def _picture(self, x: torch.Tensor) -> torch.Tensor:
        """Undo :meth:`_windows`."""
        w = self.window
        x = x.unflatten(2, (w, w)).unflatten(1, (self.grid[0] // w, self.grid[1] // w))
        return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend: [batch, height, width, channels], same shape."""
        x = self._windows(torch.roll(x, (-self.shift, -self.shift), dims=(1, 2)))
        # [3, batch, num_windows, heads, positions, channels / heads]
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).movedim(-3, 0).transpose(-3, -2)
        bias = self.bias[:, self.index]
        if self.shift:
            bias = torch.where(self.allowed[:, None], bias, torch.full_like(bias, -torch.inf))
        x = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(*q.shape[:-1], -1))
        x = self._picture(self.out(x.transpose(-3, -2).flatten(-2)))
        return torch.roll(x, (self.shift, self.shift), dims=(1, 2))


class SwinBlock(nn.Module):
    """Window attention and a two-layer network, each after layer norm and with a residual connection.

    Args:
        channels: width of the features.
        options: as :class:`WindowAttention` takes them.
    """

    def __init__(self, channels: int, *, heads: int, grid: tuple[int, int], window: int, shift: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, heads=heads, grid=grid, window=window, shift=shift)
        self.mlp = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform [batch, height, width, channels]."""
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchMerging(nn.Module):
    """Joins 2 x 2 positions: [batch, height, width, channels] to [batch, height / 2, width / 2, out]."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.norm, self.reduce = nn.LayerNorm(4 * channels), nn.Linear(4 * channels, out, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Join neighbours."""
        x = x.unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).transpose(2, 3)
        return self.reduce(self.norm(x.flatten(3)))


class PatchSplitting(nn.Module):
    """Splits every position into 2 x 2: [batch, height, width, channels] to [batch, 2 height, 2 width, out]."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.norm, self.expand = nn.LayerNorm(channels), nn.Linear(channels, 4 * out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Split positions."""
        x = self.expand(self.norm(x)).unflatten(3, (2, 2, -1))
        return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def stage(channels: int, *, depth: int, heads: int, grid: tuple[int, int], window: int) -> nn.Sequential:
    """Return ``depth`` blocks, every second one with shifted windows."""
    return nn.Sequential(
        *(SwinBlock(channels, heads=heads, grid=grid, window=window, shift=window // 2 * (i % 2)) for i in range(depth))
    )
