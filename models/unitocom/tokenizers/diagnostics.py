"""What a trained tokenizer does with its tokens: rate, active units, variances, rate and distortion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ....linklevel.validation import check_range
from .base import Tokenizer
from .config import TokenizerConfig
from .posterior import Posterior

ACTIVE = 0.01
"""Least variance of the mean of an active unit (Y. Burda, R. Grosse and R. Salakhutdinov, ICLR 2016)."""

_EULER = 0.5772156649015329


@dataclass(frozen=True)
class Diagnosis:
    """Statistics of the tokens over the items of a data set.

    Args:
        rate_nats: information that an item's tokens have of it, nats, at most; see :func:`rate_nats`.
        active_units: reals of the tokens whose mean varies from item to item by more than :data:`ACTIVE`.
        num_units: S dim, all reals of the tokens.
        signal: variance of μ over items, [S, dim].
        noise: mean variance of t given the item, [S, dim]; close to 0 everywhere is variance collapse.
    """

    rate_nats: float
    active_units: int
    num_units: int
    signal: torch.Tensor
    noise: torch.Tensor

    @property
    def dimension_variance(self) -> torch.Tensor:
        """Variance of every dimension of t, mean over the S tokens, [dim]."""
        return (self.signal + self.noise).mean(0)


@dataclass(frozen=True)
class RateDistortion:
    """A point of a rate-distortion curve.

    Args:
        xi: ξ that the tokenizer was trained with.
        rate_nats: of an item, as :func:`rate_nats` has it.
        distortion: of the stochastic reconstruction, mean over items.
    """

    xi: float
    rate_nats: float
    distortion: float


@torch.no_grad()
def diagnose(tokenizer: Tokenizer, inputs: torch.Tensor) -> Diagnosis:
    """Return statistics of the tokens.

    Args:
        tokenizer: trained.
        inputs: of two items or more.
    """
    check_range("number of items", len(inputs), 2)
    posterior = tokenizer.posterior(inputs)
    signal = posterior.mean.double().var(0)
    return Diagnosis(
        rate_nats=rate_nats(tokenizer.config, posterior),
        active_units=int((signal > ACTIVE).sum()),
        num_units=signal.numel(),
        signal=signal,
        noise=noise_variance(tokenizer.config, posterior).mean(0),
    )


def rate_nats(config: TokenizerConfig, posterior: Posterior) -> float:
    """Return an upper bound of the information that the tokens of an item have of it, nats.

    With a learned variance it is the mean divergence from N(0, 1), summed over the tokens. With σ drawn, which says
    nothing of the item, it is E_σ[Σ ½ ln(1 + v / σ²)], v the variance of μ over items: the capacity of as many Gaussian
    channels whose receiver knows σ. An autoencoder has no noise and no finite rate.

    Args:
        config: of the tokenizer.
        posterior: of the tokens of many items.
    """
    if config.kind == "ae" or (config.kind == "sigma_genib" and config.c_sigma == 0):
        return math.inf
    if posterior.log_variance is not None:
        return float(posterior.kl().double().sum((1, 2)).mean())
    variances = posterior.mean.detach().double().var(0).flatten().cpu().numpy()
    return float(sum(_capacity(v / config.c_sigma) for v in variances))


def _capacity(ratio: float) -> float:
    """Return E[½ ln(1 + r / s²)], s ~ N(0, 1), nats; r is the ratio of the variances."""
    # E ln(s² + r) over u = ln |s|, where the integrand is smooth and the trapezoidal rule all but exact.
    u = np.linspace(-18.0, 3.5, 4301)
    s = np.exp(u)
    density = 2 * s * np.exp(-0.5 * s**2) / math.sqrt(2 * math.pi)
    grown = float(np.trapezoid(density * np.log(s**2 + ratio + 1e-300), u))
    return 0.5 * (grown + _EULER + math.log(2.0))


def noise_variance(config: TokenizerConfig, posterior: Posterior) -> torch.Tensor:
    """Return the variance of every real of the tokens given the item, [batch, S, dim], torch.float64."""
    if posterior.log_variance is not None:
        return posterior.log_variance.double().exp()
    level = config.c_sigma if config.kind == "sigma_genib" else 0.0
    return torch.full(posterior.mean.shape, level, dtype=torch.float64)


@torch.no_grad()
def rate_distortion(
    tokenizers: Sequence[Tokenizer], inputs: torch.Tensor, generator: torch.Generator
) -> list[RateDistortion]:
    """Return the points of tokenizers that were trained with different ξ, in order of their rate.

    Args:
        tokenizers: trained.
        inputs: of two items or more.
        generator: of the tokens' noise.
    """
    points = []
    for tokenizer in tokenizers:
        posterior = tokenizer.posterior(inputs)
        found = tokenizer.distortion(inputs, tokenizer.decode(tokenizer.sample(posterior, generator)))
        points.append(RateDistortion(tokenizer.config.xi, rate_nats(tokenizer.config, posterior), float(found.mean())))
    return sorted(points, key=lambda point: point.rate_nats)
