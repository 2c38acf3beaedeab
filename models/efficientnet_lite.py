"""Images to ImageNet classes and features with EfficientNet-Lite0."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from .pretrained import Weights, WeightsNotFoundError, find_weights

SIDE = 224
CENTRE, SCALE = 127.0, 128.0
"""Pixels enter as (x - 127)/128; the mean and deviation of ImageNet would cost ten points of accuracy."""


class EfficientNetLite0:
    """EfficientNet-Lite0 (Tan and Le, "EfficientNet", ICML 2019, without squeeze-and-excitation).

    Args:
        path: a ``.pth`` file of the weights, as :func:`~tokencom.models.pretrained.find_weights` takes it.
        device: where the model is.

    Attributes:
        weights: where the weights came from.

    Raises:
        WeightsNotFoundError: if the weights, or the package with the network, are not there.
    """

    def __init__(self, *, path: str | Path | None = None, device: str = "cpu") -> None:
        self.weights: Weights = find_weights("efficientnet-lite0", path=path)
        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            rule = "needs the package efficientnet-lite-pytorch; `pip install --no-deps efficientnet-lite-pytorch`"
            raise WeightsNotFoundError(f"name: 'efficientnet-lite0' {rule}") from error
        model = EfficientNet.from_name("efficientnet-lite0")
        model.load_state_dict(torch.load(self.weights.file, map_location="cpu", weights_only=True))
        self.model, self.device = model.to(device).eval(), device

    @torch.no_grad()
    def logits(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return the scores of the 1,000 ImageNet classes, [batch, 1000], numpy.float32.

        Args:
            images: [height, width, 3] each, numpy.uint8.
        """
        return self.model(self._input(images)).cpu().numpy()

    @torch.no_grad()
    def features(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return the mean of the last feature map, [batch, 1280], numpy.float32."""
        return self.model.extract_features(self._input(images)).mean(dim=(2, 3)).cpu().numpy()

    @torch.no_grad()
    def tokens(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """Return the last feature map as visual tokens, [batch, 49, 1280], torch.float32."""
        return self.model.extract_features(self._input(images)).flatten(2).transpose(1, 2)

    def _input(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """Return the images at 224 x 224, [batch, 3, 224, 224], torch.float32."""
        from PIL import Image

        rows = []
        for image in images:
            if np.ndim(image) != 3 or np.shape(image)[2] != 3 or np.asarray(image).dtype != np.uint8:
                raise ValueError(
                    f"images: {np.asarray(image).dtype} {list(np.shape(image))} given, "
                    "uint8 [height, width, 3] is needed"
                )
            fits = np.shape(image)[:2] == (SIDE, SIDE)
            rows.append(
                image if fits else np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
            )
        stacked = np.stack(rows).astype(np.float32)
        pixels = torch.from_numpy((stacked - CENTRE) / SCALE)
        return pixels.permute(0, 3, 1, 2).contiguous().to(self.device)
