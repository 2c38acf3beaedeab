"""Tokens of images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from ...baselines.encoders import Residual, Stem
from ...taichi.vision import resized
from .config import TokenizerConfig
from .continuous import TransformerTokenizer


class ImageTokenizer(TransformerTokenizer):
    """Images of one size; inputs are [batch, 3, image_size, image_size], torch.float32, -1...1.

    Args:
        config: what shapes it.

    Example:
        >>> import torch
        >>> tokenizer = ImageTokenizer(TokenizerConfig(modality="image", hidden=16, num_layers=1))
        >>> inputs = tokenizer.collate([np.zeros((64, 64, 3), np.uint8)])
        >>> tokenizer.sample(tokenizer.encode(inputs), torch.Generator().manual_seed(1)).shape
        torch.Size([1, 16, 16])
    """

    def _ends(self) -> tuple[nn.Module, nn.Module]:
        config = self.config
        if config.stem == "patches":
            return Stem(config.hidden, patch=config.patch_size), _Patches(config)
        # From the picture inwards: half the width at each step outwards, at least 16.
        steps = config.patch_size.bit_length() - 1
        widths = [max(16, config.hidden >> (steps - i)) for i in range(steps)]
        return Stem(config.hidden, channels=widths, blocks=1), _Convolutions(config, widths[::-1])

    def collate(self, contents: Sequence[Any]) -> torch.Tensor:
        """Return the inputs of images [height, width, 3], numpy.uint8; others than the tokenizer's size are scaled.

        Raises:
            ValueError: for another form.
        """
        images = []
        for content in contents:
            image = np.array(content, order="C")
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise ValueError(f"image: {image.dtype} {list(image.shape)} given; uint8 [height, width, 3] is needed")
            pixels = torch.from_numpy(image).movedim(-1, 0)[None] / 255
            images.append(resized(pixels, self.config.image_size))
        return torch.cat(images) * 2 - 1

    def contents(self, reconstruction: torch.Tensor) -> list[np.ndarray]:
        """Return images [image_size, image_size, 3], numpy.uint8."""
        pixels = (reconstruction.detach().float() * 127.5 + 127.5).round().clamp(0, 255)
        return list(pixels.to(torch.uint8).movedim(1, -1).cpu().numpy())


class _Patches(nn.Module):
    """A linear map from every position to the pixels of its patch."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.grid = config.positions
        self.project = nn.Linear(config.hidden, 3 * config.patch_size**2)
        self.shuffle = nn.PixelShuffle(config.patch_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.shuffle(self.project(x).transpose(1, 2).unflatten(2, self.grid))


class _Convolutions(nn.Module):
    """Convolutions that double the sides (pixel shuffle), each but the last followed by a residual block.

    Args:
        config: of the tokenizer.
        widths: channels after each doubling; the last one is that of the picture.
    """

    def __init__(self, config: TokenizerConfig, widths: Sequence[int]) -> None:
        super().__init__()
        self.grid = config.positions
        layers: list[nn.Module] = []
        before = config.hidden
        for width in widths[1:]:
            layers += [nn.Conv2d(before, 4 * width, 3, padding=1), nn.PixelShuffle(2), Residual(width)]
            before = width
        layers += [nn.GELU(), nn.Conv2d(before, 12, 3, padding=1), nn.PixelShuffle(2)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x.transpose(1, 2).unflatten(2, self.grid))
