"""Token links that deliver what was sent, noise, or a bit of both."""

import pytest
import torch
from torch import nn

from tokencom.linklevel.accounting import ChannelUses
from tokencom.linklevel.links import Reception
from tokencom.linklevel.tokens import Tokens


class Ideal(nn.Module):
    """Delivers what was sent, and remembers it."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def deliver(self, tokens, draws):
        return tokens.values

    def forward(self, tokens, snr_db, draws):
        self.calls.append((tokens, draws))
        count = tokens.num_tokens
        uses = ChannelUses(4 * count, 0 * count, 0 * count, 4 * count)
        values = torch.where(tokens.mask[..., None], self.deliver(tokens, draws), 0.0)
        return Reception(Tokens(values, tokens.mask), count >= 0, uses, snr_db.expand(len(tokens)))


class Noise(Ideal):
    """Delivers noise that does not depend on what was sent."""

    def deliver(self, tokens, draws):
        return torch.randn(tokens.values.shape, generator=draws.generator("noise"))


class Noisy(Ideal):
    """Adds a little noise."""

    def deliver(self, tokens, draws):
        return tokens.values + 0.05 * torch.randn(tokens.values.shape, generator=draws.generator("noise"))


@pytest.fixture
def links():
    return {"ideal": Ideal, "noise": Noise, "noisy": Noisy}
