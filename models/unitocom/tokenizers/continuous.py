"""What tokenizers with real inputs have in common: networks around two Transformers, and mean squared error."""

from abc import abstractmethod

import torch
from torch import nn

from ....linklevel.jscc.base import seeded
from .base import Tokenizer
from .config import TokenizerConfig
from .networks import TokenDecoder, TokenEncoder
from .posterior import Posterior

LOG_VARIANCE = (-20.0, 10.0)
"""Bounds of a learned ln σ²."""


class TransformerTokenizer(Tokenizer):
    """A tokenizer of two Transformers; the stem and the head are the modality's.

    Args:
        config: what shapes it.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__(config)
        with seeded(config.seed):
            self.stem, self.head = self._ends()
            self.encoder = TokenEncoder(config, config.dim * (2 if config.learned_variance else 1))
            self.decoder = TokenDecoder(config)

    @abstractmethod
    def _ends(self) -> tuple[nn.Module, nn.Module]:
        """Return stem and head: inputs to [batch, num_positions, hidden], and from there to reconstructions."""

    def posterior(self, inputs: torch.Tensor) -> Posterior:
        """Return the distribution of the tokens; see :meth:`Tokenizer.posterior`."""
        return self._posterior(self.encoder(self.stem(inputs)))

    def _posterior(self, out: torch.Tensor) -> Posterior:
        if not self.config.learned_variance:
            return Posterior(out)
        mean, log_variance = out.chunk(2, dim=-1)
        return Posterior(mean, log_variance.clamp(*LOG_VARIANCE))

    def decode(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return reconstructions; see :meth:`Tokenizer.decode`."""
        return self.head(self.decoder(tokens))

    def distortion(self, inputs: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
        """Return the mean squared error of each item, [batch]."""
        return (inputs - reconstruction).square().flatten(1).mean(1)
