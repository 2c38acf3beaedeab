"""Images as a link takes them, and as a network takes them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..validation import check_finite, check_shape


def to_images(payload: torch.Tensor | Sequence[np.ndarray], size: tuple[int, int]) -> torch.Tensor:
    """Return images for a network.

    Args:
        payload: [batch, 3, height, width], floating point in [0, 1], or a sequence of numpy.uint8 arrays
            [height, width, 3].
        size: height and width that they must have.

    Returns:
        [batch, 3, height, width], floating point.

    Raises:
        TypeError: for another kind.
        ValueError: for another shape, or values outside [0, 1].
    """
    if isinstance(payload, torch.Tensor):
        if not payload.is_floating_point():
            raise TypeError(f"payload: images of {payload.dtype} given; floating point in [0, 1] is needed")
        check_shape("payload", payload, ("batch", 3, *size))
        check_finite("payload", payload.detach())
        if payload.numel() and not (float(payload.detach().min()) >= 0.0 and float(payload.detach().max()) <= 1.0):
            raise ValueError(
                f"payload: values from {float(payload.min()):.4g} to {float(payload.max()):.4g} given; images must be"
                " in [0, 1]"
            )
        return payload
    if isinstance(payload, (bytes, str)) or not all(
        isinstance(image, np.ndarray) and image.dtype == np.uint8 for image in payload
    ):
        raise TypeError("payload: images must be a tensor [batch, 3, height, width] or a list of numpy.uint8 arrays")
    for image in payload:
        if image.shape != (*size, 3):
            raise ValueError(f"payload: an image of shape {list(image.shape)} given; the codec takes {[*size, 3]}")
    if not len(payload):
        return torch.zeros(0, 3, *size)
    return torch.from_numpy(np.stack(list(payload))).permute(0, 3, 1, 2).to(torch.float32) / 255.0


def from_images(images: torch.Tensor, like: torch.Tensor | Sequence[np.ndarray]) -> Any:
    """Return received images in the form of those sent: a tensor, or a list of numpy.uint8 arrays.

    A tensor is not limited to [0, 1], so that its gradient does not vanish; arrays are.
    """
    if isinstance(like, torch.Tensor):
        return images.to(like.device, like.dtype)
    pixels = (images.detach().clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)
    return list(pixels.permute(0, 2, 3, 1).cpu().numpy())
