"""A tokenizer and the scale of its tokens: what turns one modality into what crosses, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from ...linklevel.tokens import Tokens
from .standard import Standard
from .tokenizers.base import build_tokenizer
from .tokenizers.config import TokenizerConfig

Batch = Mapping[str, torch.Tensor]

USES = ("tokens", "picture", "tokenizer")
"""What is drawn from a batch's seed, each from a generator of its own."""


class Sender(nn.Module):
    """One modality: tokenizer, and shift and scale of its tokens.

    Args:
        config: of the tokenizer.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.tokenizer: Any = build_tokenizer(config)
        self.standard = Standard()

    @property
    def num_tokens(self) -> int:
        """S, tokens of an item or of a chunk of audio."""
        return self.tokenizer.num_tokens

    def tokens(self, inputs: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        """Return tokens with unit deviation, [batch, S, dim], torch.float32; the means without a generator."""
        posterior = self.tokenizer.posterior(inputs)
        drawn = posterior.mean if generator is None else self.tokenizer.sample(posterior, generator)
        return self.standard(drawn).float()

    def chunks(self, inputs: torch.Tensor, counts: torch.Tensor, generator: torch.Generator | None) -> Tokens:
        """Return the tokens of items that have several chunks each, one behind the other.

        Args:
            inputs: [items * most, ...].
            counts: [items], torch.int64; how many of them there are, the others are filling.
            generator: as for :meth:`tokens`.
        """
        values = self.tokens(inputs, generator)
        values = values.reshape(len(counts), -1, values.shape[2])
        there = torch.arange(values.shape[1], device=values.device) < self.num_tokens * counts[:, None]
        return Tokens(values * there[..., None], there)

    def rebuilt(self, values: torch.Tensor) -> torch.Tensor:
        """Return what the de-tokenizer makes of tokens with unit deviation, [batch, S, dim]."""
        return self.tokenizer.decode(self.standard.restored(values))

    @torch.no_grad()
    def contents(self, tokens: Tokens) -> list[Any]:
        """Return contents, as samples have them, of received tokens with unit deviation.

        Tokens that did not arrive are taken as 0, which is the mean; audio has as many chunks as tokens of it arrived.

        Args:
            tokens: [items, num_tokens, dim], on any device.
        """
        device = self.standard.mean.device
        values = (tokens.values * tokens.mask[..., None]).to(device)
        most = max(1, -(-values.shape[1] // self.num_tokens))
        values = nn.functional.pad(values, (0, 0, 0, most * self.num_tokens - values.shape[1]))
        found = self.tokenizer.contents(self.rebuilt(values.reshape(-1, self.num_tokens, values.shape[2])))
        if most == 1:
            return found
        counts = [max(1, -(-int(count) // self.num_tokens)) for count in tokens.mask.sum(1)]
        return [np.concatenate(found[most * i : most * i + count]) for i, count in enumerate(counts)]

    def distortion(self, inputs: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Return the mean distortion of what is rebuilt from received tokens, a scalar.

        Args:
            inputs: [batch, ...], what was sent; or its chunks.
            values: tokens of as many items, or of items with several chunks each.
        """
        rebuilt = self.rebuilt(values.reshape(len(inputs), self.num_tokens, -1))
        return self.tokenizer.distortion(inputs, rebuilt).mean()

    def loss(self, inputs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return the tokenizer's loss (eq 13); while it is trained, shift and scale follow it."""
        trained = any(parameter.requires_grad for parameter in self.tokenizer.parameters())
        if trained and torch.is_grad_enabled():
            with torch.no_grad():
                self.standard.follow(self.tokenizer.encode(inputs))
        return self.tokenizer.losses(inputs, generator)["tokenizer"]


def generator_of(batch: Batch, use: str) -> torch.Generator | None:
    """Return the generator of a use, from the seed of a batch; `None` if it has none."""
    seed = batch.get("seed")
    return None if seed is None else torch.Generator().manual_seed((int(seed) + USES.index(use)) % 2**63)


def needed(batch: Batch, use: str) -> torch.Generator:
    """Return the generator of a use.

    Raises:
        ValueError: for a batch without ``seed``.
    """
    generator = generator_of(batch, use)
    if generator is None:
        raise ValueError(f"batch: has no 'seed', from which the {use} loss draws; LinkTraining gives one")
    return generator
