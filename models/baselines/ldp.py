"""The lightweight downsample projector of MobileVLM."""

import torch
from torch import nn

from ...linklevel.validation import check_range


class Norm2d(nn.LayerNorm):
    """Layer norm over the channels of [batch, channels, height, width]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise every position."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class SqueezeExcitation(nn.Module):
    """Scales channels by what they hold on average (J. Hu, L. Shen and G. Sun, CVPR 2018).

    Args:
        channels: width; the hidden layer has a quarter, a multiple of 8.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(8, (channels // 4 + 4) // 8 * 8)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1), nn.Hardsigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale [batch, channels, height, width]."""
        return x * self.layers(x.mean((2, 3), keepdim=True))


class DepthwiseBlock(nn.Module):
    """Depthwise 3 x 3, squeeze and excitation, pointwise; a shortcut where the stride is 1.

    MobileNetV3's block without expansion (A. Howard et al., ICCV 2019), with layer norm.

    Args:
        channels: width.
        stride: of the depthwise convolution.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.depthwise = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
        self.norm1, self.activation = Norm2d(channels), nn.Hardswish()
        self.excitation = SqueezeExcitation(channels)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm2 = Norm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform [batch, channels, height, width]; sides shrink by the stride."""
        y = self.excitation(self.activation(self.norm1(self.depthwise(x))))
        y = self.norm2(self.pointwise(y))
        return x + y if self.stride == 1 else y


class LDP(nn.Module):
    """Two pointwise layers, a depthwise block, and one of stride 2 that leaves a quarter of the tokens.

    X. Chu et al., "MobileVLM: A Fast, Strong and Open Vision Language Assistant for Mobile Devices", 2023.

    Args:
        seen: width of the image encoder's tokens.
        dim: width of the language model.
        grid: height and width of the image encoder's tokens, even.
    """

    def __init__(self, seen: int, dim: int, grid: tuple[int, int]) -> None:
        super().__init__()
        for side in grid:
            check_range("grid", side, 2, integer=True)
            if side % 2:
                raise ValueError(f"grid: {grid} given; both sides must be even, since the projector halves them")
        self.grid = grid
        self.mlp = nn.Sequential(nn.Linear(seen, dim), nn.GELU(), nn.Linear(dim, dim))
        self.blocks = nn.Sequential(DepthwiseBlock(dim, 1), DepthwiseBlock(dim, 2))

    @property
    def num_tokens(self) -> int:
        """Tokens that come out."""
        return self.grid[0] * self.grid[1] // 4

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return [batch, num_tokens, dim] of [batch, grid[0] * grid[1], seen]."""
        x = self.mlp(x).transpose(1, 2).unflatten(2, self.grid)
        return self.blocks(x).flatten(2).transpose(1, 2)
