"""Generalised divisive normalisation."""

import torch
from torch import nn

FLOOR = 1e-6
"""Smallest constant under the root."""


class GDN(nn.Module):
    r"""Divides every channel by the activity of all channels at its position.

    .. math:: y_i = x_i \Big/ \sqrt{\beta_i + \sum_j \gamma_{ij} x_j^2}

    J. Ballé, V. Laparra and E. P. Simoncelli, "Density Modeling of Images Using a Generalized Normalization
    Transformation", ICLR 2016. Squares of the parameters keep β and γ positive.

    Args:
        channels: number of channels.
        inverse: multiply instead of divide.
    """

    def __init__(self, channels: int, *, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter(torch.ones(channels))
        self.gamma = nn.Parameter((0.1 * torch.eye(channels) + 1e-4).sqrt())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise [batch, channels, height, width]."""
        gamma = self.gamma.square()[:, :, None, None]
        activity = nn.functional.conv2d(x.square(), gamma, self.beta.square() + FLOOR)
        return x * (activity.sqrt() if self.inverse else activity.rsqrt())
