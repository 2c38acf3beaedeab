r"""Image quality, item by item, from torchmetrics.

Images are numpy.uint8 arrays [height, width, channels], and a batch is a sequence of them, all of
one shape.
"""

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch

DATA_RANGE = 255.0
PSNR_CAP_DB = 10.0 * math.log10(12.0 * DATA_RANGE**2)
"""PSNR of an error with the variance 1/12 of rounding to 8 bits, 58.92 dB: equal images get this."""

SSIM_KERNEL, SSIM_SIGMA = 11, 1.5
MS_SSIM_BETAS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales (Wang, Simoncelli and Bovik, Asilomar 2003)."""
MIN_SIDE_SSIM = SSIM_KERNEL
MIN_SIDE_MS_SSIM = SSIM_KERNEL * 2 ** (len(MS_SSIM_BETAS) - 1)
"""176 pixels: on a smaller image the window does not fit the coarsest scale."""


def mse(sent: Sequence[np.ndarray], received: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean squared error of each image over its samples, [batch], float64."""
    a, b = _stack(sent, received)
    return (a - b).square().mean((1, 2, 3)).numpy()


def psnr_db(sent: Sequence[np.ndarray], received: Sequence[np.ndarray]) -> np.ndarray:
    r"""Return the peak signal-to-noise ratio of each image, dB, at most :data:`PSNR_CAP_DB`.

    .. math:: \text{PSNR} = 10 \log_{10} \frac{255^2}{\max(\text{MSE}, 1/12)}

    The cap makes the mean over images finite when some arrive unchanged: an 8-bit image stands for
    the brightness within its own rounding, whose variance is 1/12.

    Returns:
        [batch], float64.

    Example:
        >>> black, grey = np.zeros((8, 8, 1), np.uint8), np.full((8, 8, 1), 51, np.uint8)
        >>> psnr_db([black, black], [black, grey]).round(2).tolist()
        [58.92, 13.98]
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio

    a, b = _stack(sent, received)
    value = peak_signal_noise_ratio(b, a, data_range=DATA_RANGE, reduction="none", dim=(1, 2, 3))
    return value.clamp(max=PSNR_CAP_DB).numpy()


def ssim(sent: Sequence[np.ndarray], received: Sequence[np.ndarray]) -> np.ndarray:
    """Return the structural similarity of each image, [batch], float64.

    Gaussian window of 11 pixels and deviation 1.5, constants 0.01 and 0.03, mean over channels
    (Wang, Bovik, Sheikh and Simoncelli, IEEE Trans. Image Process. 13(4), 2004); the image is mirrored
    at its borders.

    Raises:
        ValueError: if a side is shorter than 11 pixels.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    a, b = _stack(sent, received, torch.float32)
    _check_side("ssim", a, MIN_SIDE_SSIM)
    value = structural_similarity_index_measure(
        b, a, sigma=SSIM_SIGMA, kernel_size=SSIM_KERNEL, data_range=DATA_RANGE, reduction="none"
    )
    return cast(torch.Tensor, value).reshape(-1).to(torch.float64).numpy()


def ms_ssim(sent: Sequence[np.ndarray], received: Sequence[np.ndarray]) -> np.ndarray:
    """Return the multi-scale structural similarity of each image, [batch], float64.

    Five scales with the usual exponents; a negative term of a scale counts as 0. Smaller images
    would need other scales, whose values do not compare: :func:`ssim` is for them.

    Raises:
        ValueError: if a side is shorter than 176 pixels.
    """
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    a, b = _stack(sent, received, torch.float32)
    _check_side("ms_ssim", a, MIN_SIDE_MS_SSIM)
    value = multiscale_structural_similarity_index_measure(
        b,
        a,
        sigma=SSIM_SIGMA,
        kernel_size=SSIM_KERNEL,
        data_range=DATA_RANGE,
        betas=MS_SSIM_BETAS,
        normalize="relu",
        reduction="none",
    )
    return value.reshape(-1).to(torch.float64).numpy()


def _stack(
    sent: Sequence[np.ndarray], received: Sequence[np.ndarray], dtype: torch.dtype = torch.float64
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both batches as [batch, channels, height, width].

    Windows are 30 times faster in float32 than in float64, and good to 1e-4.
    """
    shapes = {np.shape(image) for image in (*sent, *received)}
    if len(sent) != len(received) or len(shapes) != 1 or len(next(iter(shapes))) != 3:
        raise ValueError(
            f"sent, received: {len(sent)} and {len(received)} images of shapes {sorted(shapes)} given; "
            "equally many of one shape (height, width, channels) expected"
        )
    first, second = (
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(dtype) for images in (sent, received)
    )
    return first, second


def _check_side(name: str, images: torch.Tensor, least: int) -> None:
    height, width = images.shape[2:]
    if min(height, width) < least:
        raise ValueError(
            f"{name}: an image of {height} x {width} pixels given; each side needs at least {least}"
        )
