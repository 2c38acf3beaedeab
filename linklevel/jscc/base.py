"""The interface of a learned codec, and what its two ends exchange with a link."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from ..draws import Draws
from ..validation import check_choice, check_finite, check_range, check_shape

RATE_INDEX = 1
"""Index of the payload stream's sub-draw that chooses rates in training."""


@dataclass(frozen=True)
class Coded:
    """What an encoder makes of a batch.

    Args:
        symbols: [batch, num_tokens, symbols_per_token], complex; the link normalises their power.
        num_symbols: [batch], torch.int64; the first so many of each token are sent.
        bits: [batch, num_side_bits], torch.bool; side information that the decoder needs.
    """

    symbols: torch.Tensor
    num_symbols: torch.Tensor
    bits: torch.Tensor


@dataclass(frozen=True)
class Heard:
    """What a decoder gets.

    Args:
        symbols: [batch, num_tokens, symbols_per_token], complex; the biased estimates
            x̂ / (1 + no_eff), zero where nothing was sent.
        reliability: same shape, real; 1 / (1 + no_eff), zero where nothing was sent.
        mask: [batch, num_tokens], torch.bool; which tokens there are.
        snr_db: [batch], dB; Es/N0 by the receiver's own noise power density.
        bits: [batch, num_side_bits], torch.bool; side information, as received.
    """

    symbols: torch.Tensor
    reliability: torch.Tensor
    mask: torch.Tensor
    snr_db: torch.Tensor
    bits: torch.Tensor


class Codec(nn.Module, ABC):
    """A pair of networks: an encoder to complex symbols, and a decoder of what was received.

    Args:
        symbols_per_token: most complex symbols that a token is sent on.
    """

    rates: tuple[int, ...] | None = None
    """Real channels per token to choose from; `None` for a codec of one rate."""

    rate: int | None = None
    """Real channels per token in evaluation; in training the link draws one of ``rates`` per item."""

    num_side_bits: int = 0
    """Bits of side information per item."""

    def __init__(self, *, symbols_per_token: int) -> None:
        super().__init__()
        self.symbols_per_token = check_range("symbols_per_token", symbols_per_token, 1, integer=True)

    @abstractmethod
    def encode(
        self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, rate: torch.Tensor | None = None
    ) -> Coded:
        """Encode a batch.

        Args:
            values: tokens [batch, num_tokens, dim] or images [batch, 3, height, width], real.
            mask: [batch, num_tokens], torch.bool.
            snr_db: [batch], dB.
            rate: [batch], torch.int64; one of ``rates`` for each item; ``self.rate`` if `None`.
        """

    @abstractmethod
    def decode(self, heard: Heard) -> torch.Tensor:
        """Decode a batch: values of the same meaning as :meth:`encode` takes."""

    def num_symbols(self, bits: torch.Tensor) -> torch.Tensor:
        """Return how many symbols each token of an item takes, by its side information, [batch], torch.int64."""
        return torch.full((len(bits),), self.symbols_per_token, device=bits.device)

    def neutral_bits(self, batch: int, device: torch.device) -> torch.Tensor:
        """Return side information that is valid and says nothing about an item."""
        return torch.zeros(batch, self.num_side_bits, dtype=torch.bool, device=device)

    def draw_rates(self, batch: int, draws: Draws | None, device: torch.device) -> torch.Tensor | None:
        """Return the rate of each item: drawn in training, ``self.rate`` in evaluation, [batch], torch.int64."""
        if self.rates is None or self.rate is None:
            return None
        if draws is None or not self.training:
            return torch.full((batch,), check_choice("rate", self.rate, self.rates), device=device)
        generator = draws.generator("payload", RATE_INDEX)
        return torch.tensor(self.rates)[torch.randint(len(self.rates), (batch,), generator=generator)].to(device)


class TokenCodec(Codec):
    """A codec of tokens, which are standardised by statistics of the training data.

    Args:
        dim: width of a token.
        symbols_per_token: most complex symbols that a token is sent on.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, *, dim: int, symbols_per_token: int) -> None:
        super().__init__(symbols_per_token=symbols_per_token)
        self.dim = check_range("dim", dim, 1, integer=True)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))

    @torch.no_grad()
    def fit(self, values: torch.Tensor) -> None:
        """Take mean and deviation of every dimension from tokens [..., dim] of the training data.

        Raises:
            ValueError: for another width, values that are not finite, or fewer than two tokens.
        """
        values = check_finite("values", values.reshape(-1, values.shape[-1]))
        check_shape("values", values, ("num_tokens", self.dim))
        check_range("number of tokens", len(values), 2)
        deviation, mean = torch.std_mean(values.double(), dim=0)
        floor = 1e-6 * deviation.max().clamp_min(1e-12)
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.clamp_min(floor))

    def _standard(self, values: torch.Tensor) -> torch.Tensor:
        return (values - self.mean) / self.deviation

    def _restored(self, values: torch.Tensor) -> torch.Tensor:
        return values * self.deviation + self.mean


class ImageCodec(Codec):
    """A codec of images of one size; the positions of its latent are its tokens.

    Args:
        size: height and width, pixels.
        symbols_per_token: most complex symbols that a position of the latent is sent on.
        factor: pixels per position of the latent, along each side.
    """

    def __init__(self, *, size: tuple[int, int], symbols_per_token: int, factor: int) -> None:
        super().__init__(symbols_per_token=symbols_per_token)
        height, width = (check_range("size", side, 1, integer=True) for side in size)
        if height % factor or width % factor:
            near = tuple(max(factor, factor * round(side / factor)) for side in (height, width))
            raise ValueError(f"size: {(height, width)} given; sides must be multiples of {factor}, such as {near}")
        self.size = (height, width)
        self.grid = (height // factor, width // factor)

    @property
    def num_tokens(self) -> int:
        """Positions of the latent."""
        return self.grid[0] * self.grid[1]

    def _tokens(self, latent: torch.Tensor) -> torch.Tensor:
        """Turn [batch, channels, height, width] into [batch, num_tokens, channels]."""
        return latent.flatten(2).transpose(1, 2)

    def _picture(self, tokens: torch.Tensor) -> torch.Tensor:
        """Undo :meth:`_tokens`."""
        return tokens.transpose(1, 2).unflatten(2, self.grid)


def to_symbols(reals: torch.Tensor) -> torch.Tensor:
    """Pair neighbouring reals: [..., 2 n] to [..., n], complex."""
    return torch.view_as_complex(reals.unflatten(-1, (-1, 2)).contiguous())


def to_reals(symbols: torch.Tensor) -> torch.Tensor:
    """Undo :func:`to_symbols`."""
    return torch.view_as_real(symbols).flatten(-2)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Initialise parameters from ``seed``, and put torch's own generator back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(check_range("seed", seed, 0, 2**63 - 1, integer=True))
        yield
