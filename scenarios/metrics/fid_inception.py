"""Inception v3 as the Fréchet inception distance uses it.

Szegedy et al., "Rethinking the inception architecture for computer vision", CVPR 2016, as TensorFlow's frozen
graph of 2015-12-05 has it (Heusel et al., NeurIPS 2017): average pools leave the padding out, and the last
block has a maximum pool. Layers are named as in ``pt_inception-2015-12-05-6726825d.pth``, and images are
prepared as in the package pytorch-fid, by which distances compare.

```
uint8 image -> 299 x 299, bilinear -> -1...1 -> stem -> 3 A -> B -> 4 C -> D -> 2 E -> mean -> 2048 features
```
"""

from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import nn
from torch.nn import functional

Kernel = int | tuple[int, int]
SIDE = 299
DIM = 2048


class FidInception(nn.Module):
    """Features of images, without weights; :func:`load_fid_inception` reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = BlockA(192, 32), BlockA(256, 64), BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = map(BlockC, (128, 160, 160, 192))
        self.Mixed_7a = BlockD(768)
        self.Mixed_7b, self.Mixed_7c = BlockE(1280), BlockE(2048, largest=True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return features, [batch, 2048], torch.float32.

        Args:
            images: [batch, 3, height, width], torch.uint8.
        """
        x = functional.interpolate(images.float() / 255.0, (SIDE, SIDE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(2.0 * x - 1.0)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(functional.max_pool2d(x, 3, 2)))
        x = functional.max_pool2d(x, 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        return x.mean(dim=(2, 3))


def load_fid_inception(path: str | Path) -> FidInception:
    """Return the network with the weights of a file, ready for use.

    Args:
        path: ``pt_inception-2015-12-05-6726825d.pth``, as pytorch-fid and torch-fidelity fetch it.

    Raises:
        ValueError: naming the file, if it is missing, damaged or of another network.
    """
    try:
        state = torch.load(Path(path).expanduser(), map_location="cpu", weights_only=True)
        network = FidInception()
        network.load_state_dict({name: x for name, x in state.items() if not name.startswith("fc.")})
    except (OSError, RuntimeError, ValueError, AttributeError, EOFError, UnpicklingError) as error:
        raise ValueError(f"path: {str(path)!r} has no weights of FID's Inception ({error})") from error
    return network.eval().requires_grad_(False)


class Unit(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: Kernel, *, stride: int = 1, padding: Kernel = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, inputs, height, width] to [batch, outputs, ...]."""
        return torch.relu(self.bn(self.conv(x)))


class Block(nn.Module):
    """Branches side by side, each a chain of units ``<branch>_1``, ``<branch>_2``, ..."""

    def chain(self, branch: str, inputs: int, *units: tuple[int, Kernel], halve: bool = False) -> None:
        """Add a branch.

        Args:
            branch: its name.
            inputs: channels.
            units: output channels and kernel of each, of the size of its input.
            halve: the last unit has stride 2 and no padding.
        """
        for number, (outputs, kernel) in enumerate(units, 1):
            rows, columns = kernel if isinstance(kernel, tuple) else (kernel, kernel)
            last = halve and number == len(units)
            unit = Unit(inputs, outputs, kernel, stride=1 + last, padding=0 if last else (rows // 2, columns // 2))
            self.add_module(branch if len(units) == 1 else f"{branch}_{number}", unit)
            inputs = outputs

    def through(self, branch: str, x: torch.Tensor) -> torch.Tensor:
        """Send features through all units of a branch."""
        for name, unit in self.named_children():
            if name == branch or (name.startswith(f"{branch}_") and name[len(branch) + 1 :].isdigit()):
                x = unit(x)
        return x


class BlockA(Block):
    """35 x 35 features to 35 x 35, 224 + pooled channels."""

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.chain("branch1x1", inputs, (64, 1))
        self.chain("branch5x5", inputs, (48, 1), (64, 5))
        self.chain("branch3x3dbl", inputs, (64, 1), (96, 3), (96, 3))
        self.chain("branch_pool", inputs, (pooled, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, inputs, height, width] to [batch, outputs, height, width]."""
        branches = [self.through(name, x) for name in ("branch1x1", "branch5x5", "branch3x3dbl")]
        return torch.cat([*branches, self.through("branch_pool", _mean(x))], dim=1)


class BlockB(Block):
    """35 x 35 features to 17 x 17, 480 more channels."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.chain("branch3x3", inputs, (384, 3), halve=True)
        self.chain("branch3x3dbl", inputs, (64, 1), (96, 3), (96, 3), halve=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, inputs, height, width] to [batch, outputs, height / 2, width / 2]."""
        branches = [self.through(name, x) for name in ("branch3x3", "branch3x3dbl")]
        return torch.cat([*branches, functional.max_pool2d(x, 3, 2)], dim=1)


class BlockC(Block):
    """17 x 17 features to 17 x 17, 768 channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        flat, tall = (1, 7), (7, 1)
        self.chain("branch1x1", 768, (192, 1))
        self.chain("branch7x7", 768, (width, 1), (width, flat), (192, tall))
        self.chain("branch7x7dbl", 768, (width, 1), (width, tall), (width, flat), (width, tall), (192, flat))
        self.chain("branch_pool", 768, (192, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, 768, height, width] to the same shape."""
        branches = [self.through(name, x) for name in ("branch1x1", "branch7x7", "branch7x7dbl")]
        return torch.cat([*branches, self.through("branch_pool", _mean(x))], dim=1)


class BlockD(Block):
    """17 x 17 features to 8 x 8, 512 more channels."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.chain("branch3x3", inputs, (192, 1), (320, 3), halve=True)
        self.chain("branch7x7x3", inputs, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3), halve=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, inputs, height, width] to [batch, outputs, height / 2, width / 2]."""
        branches = [self.through(name, x) for name in ("branch3x3", "branch7x7x3")]
        return torch.cat([*branches, functional.max_pool2d(x, 3, 2)], dim=1)


class BlockE(Block):
    """8 x 8 features to 8 x 8, 2048 channels.

    Args:
        inputs: channels.
        largest: pool by the maximum, not by the mean.
    """

    def __init__(self, inputs: int, largest: bool = False) -> None:
        super().__init__()
        self.largest = largest
        self.chain("branch1x1", inputs, (320, 1))
        self.branch3x3_1 = Unit(inputs, 384, 1)
        self.branch3x3_2a, self.branch3x3_2b = _cross(384)
        self.chain("branch3x3dbl", inputs, (448, 1), (384, 3))
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = _cross(384)
        self.chain("branch_pool", inputs, (192, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, inputs, height, width] to [batch, 2048, height, width]."""
        one, two = self.branch3x3_1(x), self.through("branch3x3dbl", x)
        crossed = [self.branch3x3_2a(one), self.branch3x3_2b(one), self.branch3x3dbl_3a(two), self.branch3x3dbl_3b(two)]
        pooled = functional.max_pool2d(x, 3, 1, padding=1) if self.largest else _mean(x)
        return torch.cat([self.through("branch1x1", x), *crossed, self.through("branch_pool", pooled)], dim=1)


def _cross(width: int) -> tuple[Unit, Unit]:
    """Return a flat and a tall unit."""
    return Unit(width, width, (1, 3), padding=(0, 1)), Unit(width, width, (3, 1), padding=(1, 0))


def _mean(x: torch.Tensor) -> torch.Tensor:
    """Average over 3 x 3 neighbours, without the padding."""
    return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
