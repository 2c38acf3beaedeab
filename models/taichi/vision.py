"""The two visual branches: few tokens that see everything, many cells that see detail."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ...linklevel.jscc.base import seeded


class GlobalBranch(nn.Module):
    """A vision transformer on the image at low resolution: CLIPVisionModel of transformers.

    Args:
        model: its weights and configuration.
        layer: number of the hidden state that is taken, as in LLaVA: -1 the last, -2 the one before.
        mean: of the channels, 0...1.
        deviation: of the channels.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, model: Any, *, layer: int, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.model, self.layer = model, layer
        self.size = int(model.config.image_size)
        side = self.size // int(model.config.patch_size)
        self.grid, self.dim = (side, side), int(model.config.hidden_size)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None], persistent=False)
        # What is behind the hidden state that is taken plays no part.
        self.model.post_layernorm = nn.Identity()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return tokens [batch, h w, dim] of pixels [batch, 3, height, width], 0...1; without the class token."""
        small = (resized(pixels, self.size) - self.mean) / self.deviation
        states = self.model(small, output_hidden_states=self.layer != -1)
        hidden = states.last_hidden_state if self.layer == -1 else states.hidden_states[self.layer]
        return hidden[:, 1:]


class ConvNextDetail(nn.Module):
    """A ConvNeXt on the whole image: its stages from a stride on, brought to one grid and stacked.

    Args:
        model: ConvNextModel of transformers.
        size: side of the image, pixels.
        stages: numbers of the stages that are taken, from 1; the first gives the grid.
        mean: of the channels, 0...1.
        deviation: of the channels.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(
        self, model: Any, *, size: int, stages: tuple[int, ...], mean: tuple[float, ...], deviation: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.model, self.size, self.stages = model, size, stages
        side = size // (int(model.config.patch_size) * 2 ** (stages[0] - 1))
        self.grid = (side, side)
        self.dim = sum(model.config.hidden_sizes[stage - 1] for stage in stages)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None], persistent=False)
        self.model.layernorm = nn.Identity()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return cells [batch, dim, H, W] of pixels [batch, 3, height, width], 0...1."""
        image = (resized(pixels, self.size) - self.mean) / self.deviation
        states = self.model(image, output_hidden_states=True).hidden_states
        maps = [states[stage] for stage in self.stages]
        return torch.cat([maps[0], *(nn.functional.interpolate(m, self.grid, mode="bilinear") for m in maps[1:])], 1)


class ConvStem(nn.Module):
    """A few convolutions with residual blocks, each of two 3 x 3 kernels, on the whole image; stride 4.

    Args:
        channels: after the first and the second halving.
        blocks: residual blocks after the second halving; one is after the first.
        size: side of the image, pixels, a multiple of 4.
        seed: of the initial parameters.
    """

    def __init__(self, *, channels: tuple[int, int], blocks: int, size: int, seed: int = 0) -> None:
        super().__init__()
        first, second = channels
        self.size, self.grid, self.dim = size, (size // 4, size // 4), second
        with seeded(seed):
            self.net = nn.Sequential(
                nn.Conv2d(3, first, 3, stride=2, padding=1), nn.GroupNorm(8, first), nn.GELU(), _Residual(first),
                nn.Conv2d(first, second, 3, stride=2, padding=1), nn.GroupNorm(8, second), nn.GELU(),
                *(_Residual(second) for _ in range(blocks)),
            )  # fmt: skip

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return cells [batch, dim, H, W] of pixels [batch, 3, height, width], 0...1."""
        return self.net(resized(pixels, self.size) * 4 - 2)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.GroupNorm(8, channels), nn.GELU(),
            nn.Conv2d(channels, channels, 3, padding=1), nn.GroupNorm(8, channels),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.gelu(x + self.net(x))


class FrozenFeatures(nn.Module):
    """EfficientNet-Lite0's feature map at a stride of 16, frozen and no part of the state.

    Args:
        path: weights, as :class:`~tokencom.models.efficientnet_lite.EfficientNetLite0` takes them.
        size: side of the image that the network sees, pixels, a multiple of 16.
        blocks: how many of its 16 blocks are run; 11 give 112 channels at a stride of 16.
    """

    def __init__(self, *, path: str | None, size: int = 224, blocks: int = 11) -> None:
        super().__init__()
        from ..efficientnet_lite import CENTRE, SCALE, EfficientNetLite0

        loaded = EfficientNetLite0(path=path)
        self._net = (loaded.model.requires_grad_(False),)
        self._scale = (255.0 / SCALE, CENTRE / SCALE)
        self.weights, self.size, self.blocks = loaded.weights, size, blocks
        with torch.no_grad():
            shape = self.forward(torch.zeros(1, 3, size, size)).shape
        self.dim, self.grid = shape[1], (shape[2], shape[3])

    @torch.no_grad()
    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return cells [batch, dim, H, W] of pixels [batch, 3, height, width], 0...1."""
        net: Any = self._net[0].to(pixels.device)
        slope, shift = self._scale
        x = net._swish(net._bn0(net._conv_stem(resized(pixels, self.size) * slope - shift)))
        for block in net._blocks[: self.blocks]:
            x = block(x)
        return x


def resized(pixels: torch.Tensor, size: int) -> torch.Tensor:
    """Return images [batch, 3, size, size], scaled bicubically with smoothing before it is made smaller."""
    if pixels.shape[2:] == (size, size):
        return pixels
    return nn.functional.interpolate(pixels, (size, size), mode="bicubic", antialias=True).clamp(0, 1)


def convnext_of_timm(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors of a ConvNeXt of timm or OpenCLIP under the names of ConvNextModel of transformers.

    Args:
        state: as timm names them; with "visual.trunk." before each in a file of OpenCLIP, whose other entries (text
            tower, head) are left out.
    """
    prefix = "visual.trunk."
    if any(name.startswith(prefix) for name in state):
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    found = {}
    for name, tensor in state.items():
        if name.startswith(("stem.", "stages.")):
            found[_transformers_name(name)] = tensor
    return found


def _transformers_name(name: str) -> str:
    """Return the name of a tensor in ConvNextModel, by its name in timm."""
    parts = name.split(".")
    if parts[0] == "stem":
        return f"embeddings.{('patch_embeddings', 'layernorm')[int(parts[1])]}.{parts[2]}"
    place = f"encoder.stages.{parts[1]}"
    if parts[2] == "downsample":
        return ".".join([place, "downsampling_layer", *parts[3:]])
    inner = {"conv_dw": "dwconv", "norm": "layernorm", "mlp.fc1": "pwconv1", "mlp.fc2": "pwconv2"}
    rest = ".".join(parts[4:])
    if rest == "gamma":
        return f"{place}.layers.{parts[3]}.layer_scale_parameter"
    stem, _, kind = rest.rpartition(".")
    return f"{place}.layers.{parts[3]}.{inner[stem]}.{kind}"
