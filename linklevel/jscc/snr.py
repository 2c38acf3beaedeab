"""Modules that adapt features to the SNR."""

import torch
from torch import nn

SNR_SCALE = 20.0
"""dB that stand for 1 at the input of a network."""


class AttentionFeature(nn.Module):
    """Scales channels by what they hold on average and by the SNR.

    The attention feature module of J. Xu, B. Ai, W. Chen, A. Yang, P. Sun and M. Rodrigues, "Wireless Image
    Transmission Using Deep Source Channel Coding With Attention Modules", IEEE Trans. Circuits Syst. Video
    Technol. 32(4), 2022: mean over the positions, SNR appended, two layers, sigmoid.

    Args:
        channels: width of the features.
        reduction: by which the hidden layer is narrower.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(4, channels // reduction)
        last = nn.Linear(hidden, channels)
        nn.init.constant_(last.bias, 2.0)  # at first most of every channel passes; several gates of 1/2 would mute it
        self.layers = nn.Sequential(nn.Linear(channels + 1, hidden), nn.ReLU(), last, nn.Sigmoid())

    def forward(self, x: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
        """Adapt features [batch, num_tokens, channels]; padding does not enter the mean."""
        weight = mask.to(x.dtype) / mask.sum(1, keepdim=True).clamp_min(1)
        mean = (weight[:, None] @ torch.where(mask[..., None], x, torch.zeros_like(x)))[:, 0]
        snr = snr_db.to(x.dtype)[:, None] / SNR_SCALE
        return x * self.layers(torch.cat([mean, snr], dim=1))[:, None]


class FiLM(nn.Module):
    """Scales and shifts channels by the SNR alone.

    E. Perez, F. Strub, H. de Vries, V. Dumoulin and A. Courville, "FiLM: Visual Reasoning with a General
    Conditioning Layer", AAAI 2018; at first it changes nothing.

    Args:
        channels: width of the features.
        hidden: width of the hidden layer.
    """

    def __init__(self, channels: int, hidden: int = 32) -> None:
        super().__init__()
        last = nn.Linear(hidden, 2 * channels)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(nn.Linear(1, hidden), nn.ReLU(), last)

    def forward(self, x: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
        """Adapt features [batch, num_tokens, channels]."""
        scale, shift = self.layers(snr_db.to(x.dtype)[:, None] / SNR_SCALE)[:, None].chunk(2, dim=-1)
        return x * (1.0 + scale) + shift


ADAPTATIONS: dict[str, type[AttentionFeature] | type[FiLM]] = {"attention": AttentionFeature, "film": FiLM}
"""Kinds of adaptation by name."""
