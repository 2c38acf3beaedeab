"""The distribution of an item's tokens: mean, noise and rate."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Posterior:
    """What an encoder says of the tokens of a batch.

    Args:
        mean: μ, [batch, num_tokens, dim], real.
        log_variance: ln σ², same shape; `None` where the variance is not learned.
    """

    mean: torch.Tensor
    log_variance: torch.Tensor | None = None

    def kl(self) -> torch.Tensor:
        """Return the divergence from N(0, 1) in nats, of every real, [batch, num_tokens, dim].

        With a learned variance that is ½ (μ² + σ² − 1 − ln σ²); its sum bounds the information that the tokens have
        of the item from above (eq 8). Without, only ½ μ² is left: the rest does not depend on the encoder
        (eq 12; LatentLM, arXiv 2412.08635). That is a penalty on energy and no rate: it says nothing of how much of
        the tokens the noise hides.
        """
        if self.log_variance is None:
            return 0.5 * self.mean.square()
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance)


def drawn_deviation(
    mean: torch.Tensor, c_sigma: float, generator: torch.Generator, *, per_dimension: bool
) -> torch.Tensor:
    """Return σ ~ N(0, C_σ), of either sign: [batch, 1, 1], one per item, or of the shape of ``mean``."""
    shape = mean.shape if per_dimension else (len(mean), 1, 1)
    drawn = torch.randn(shape, generator=generator, device=generator.device, dtype=mean.dtype)
    return c_sigma**0.5 * drawn.to(mean.device)


def noise(mean: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return ε ~ N(0, 1), of the shape of ``mean``."""
    return torch.randn(mean.shape, generator=generator, device=generator.device, dtype=mean.dtype).to(mean.device)
