"""SwinJSCC's modulation networks: adaptation to SNR and rate, channel by channel."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..validation import check_range
from .base import Coded, Heard, seeded, to_reals, to_symbols
from .dense import DenseCodec

STAGES, WIDTH = 7, 1.5


class ModNet(nn.Module):
    """Computes a modulation value in (0, 1) for every channel of every position.

    Seven linear stages of 1.5 times the latent's width; each is gated by a sigmoid network of the
    condition (1, w, w, w). The input is detached, so what the values mean is learned through the product
    only. K. Yang, S. Wang, J. Dai, X. Qin, K. Niu and P. Zhang, "SwinJSCC: Taming Swin Transformer for Deep
    Joint Source-Channel Coding", IEEE Trans. Cogn. Commun. Netw. 11(1), 2025.

    Args:
        channels: width of the latent.

    Attributes:
        detach_input: whether the gradient stops at the input, as in the paper.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detach_input = True
        width = int(WIDTH * channels)
        self.stages = nn.ModuleList(nn.Linear(width if i else channels, width) for i in range(STAGES))
        self.gates = nn.ModuleList(
            nn.Sequential(
                nn.Linear(1, width),
                nn.ReLU(),
                nn.Linear(width, width),
                nn.ReLU(),
                nn.Linear(width, width),
                nn.Sigmoid(),
            )
            for _ in range(STAGES)
        )
        self.last = nn.Linear(width, channels)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Return modulation values.

        Args:
            x: [batch, num_tokens, channels].
            condition: [batch]; SNR in dB or number of channels, as it is.

        Returns:
            same shape as ``x``.
        """
        condition = condition.to(x.dtype)[:, None]
        x = x.detach() if self.detach_input else x
        for stage, gate in zip(self.stages, self.gates, strict=True):
            x = stage(x) * gate(condition)[:, None]
        return self.last(x).sigmoid()


class ChannelModNets(nn.Module):
    """The modulation networks around a latent: for the SNR at both ends, for the rate at the encoder.

    With rates, an item sends the channels whose modulation values, summed over its positions, are largest
    (a stable choice: of equal ones, the first). The receiver learns which, and so the rate, from a mask of one bit per
    channel, which is side information of the item.

    Args:
        channels: width of the latent, reals.
        snr: whether to adapt to the SNR (SA).
        rates: numbers of channels to choose from (RA), even; `None` sends all.
        seed: of the initial parameters.
    """

    def __init__(self, channels: int, *, snr: bool, rates: Sequence[int] | None, seed: int = 0) -> None:
        super().__init__()
        self.channels = channels
        self.rates = None if rates is None else tuple(sorted(_even(rate, channels) for rate in rates))
        with seeded(seed):
            self.encoder_snr = ModNet(channels) if snr else None
            self.encoder_rate = ModNet(channels) if self.rates else None
            self.decoder_snr = ModNet(channels) if snr else None

    @property
    def num_side_bits(self) -> int:
        """Bits of the mask; none without rates."""
        return self.channels if self.rates else 0

    def encode(
        self, latent: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, rate: torch.Tensor | None
    ) -> Coded:
        """Modulate a latent [batch, num_tokens, channels] and move the channels to send to the front."""
        if self.encoder_snr is not None:
            latent = latent * self.encoder_snr(latent, snr_db)
        if self.encoder_rate is None or self.rates is None:
            bits = torch.zeros(len(latent), 0, dtype=torch.bool, device=latent.device)
            return Coded(to_symbols(latent), self.num_symbols(bits), bits)
        if rate is None:
            rate = torch.full((len(latent),), self.rates[-1], device=latent.device)
        values = self.encoder_rate(latent, rate)
        score = (values.detach() * mask[..., None]).sum(1)
        place = score.sort(dim=1, descending=True, stable=True).indices.argsort(dim=1)
        bits = place < rate[:, None]
        latent = (latent * values).gather(2, _order(bits)[:, None].expand_as(latent))
        return Coded(to_symbols(latent), self.num_symbols(bits), bits)

    def num_symbols(self, bits: torch.Tensor) -> torch.Tensor:
        """Return the symbols per position of items with these masks; a channel too many does without."""
        if not self.num_side_bits:
            return torch.full((len(bits),), self.channels // 2, device=bits.device)
        return bits.sum(1) // 2

    def decode(self, heard: Heard) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the latent and the reliability of its reals, [batch, num_tokens, channels]; 0 where not sent."""
        reals, reliability = to_reals(heard.symbols), heard.reliability.repeat_interleave(2, dim=-1)
        if self.num_side_bits:
            back = _order(heard.bits).argsort(dim=1)[:, None].expand_as(reals)
            reals, reliability = reals.gather(2, back), reliability.gather(2, back)
        if self.decoder_snr is not None:
            reals = reals * self.decoder_snr(reals, heard.snr_db)
        return reals, reliability

    def neutral_bits(self, batch: int, rate: int | None, device: torch.device) -> torch.Tensor:
        """Return the mask of the first channels."""
        first = torch.arange(self.num_side_bits, device=device) < (rate or 0)
        return first.expand(batch, -1)


def _order(bits: torch.Tensor) -> torch.Tensor:
    """Return channel numbers, those that are sent first, each group in its own order."""
    return (~bits).to(torch.uint8).argsort(dim=1, stable=True)


def _even(rate: int, channels: int) -> int:
    check_range("rates", rate, 2, channels, integer=True)
    if rate % 2:
        raise ValueError(
            f"rates: {rate} channels given; two reals make a symbol, so {rate - 1} or {rate + 1} is allowed"
        )
    return rate


class ModNetCodec(DenseCodec):
    """A dense codec with SwinJSCC's modulation networks, for sequences of tokens.

    ```
    tokens ─► dense encoder ─► SA ─► RA ─► channels with the largest sums ─► symbols;  mask ─► header
    symbols, mask ─► channels in place, zero elsewhere ─► SA ─► dense decoder ─► tokens
    ```

    One model serves all SNRs and rates, as UniToCom's adaptive coding and modulation does (arXiv 2507.01728); where the
    length of tokens matters, as in continuous ones that a tokenizer decodes, give ``layer_norm=False``.

    Args:
        dim: width of a token.
        symbols_per_token: complex symbols of a token if all channels are sent.
        snr: whether to adapt to the SNR (SA).
        rates: numbers of real channels per token to choose from (RA), even; `None` for a fixed rate. In
            training one is drawn per item; in evaluation the attribute ``rate`` counts, at first the largest.
        seed: of the initial parameters.
        options: as :class:`DenseCodec` takes them.

    Example:
        >>> codec = ModNetCodec(dim=32, symbols_per_token=8, rates=(4, 8, 16))
        >>> tokens, mask = torch.ones(1, 5, 32), torch.ones(1, 5, dtype=torch.bool)
        >>> codec.encode(tokens, mask, torch.tensor([10.0]), torch.tensor([4])).num_symbols.tolist()
        [2]
    """

    def __init__(
        self, *, dim: int, symbols_per_token: int = 8, snr: bool = True, rates: Sequence[int] | None = None,
        seed: int = 0, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(dim=dim, symbols_per_token=symbols_per_token, seed=seed, **options)
        self.modnets = ChannelModNets(2 * symbols_per_token, snr=snr, rates=rates, seed=seed + 1)
        self.rates, self.num_side_bits = self.modnets.rates, self.modnets.num_side_bits
        self.rate = self.rates[-1] if self.rates else None

    @property
    def _num_features(self) -> int:
        return (4 if self._sees_reliability else 2) * self.symbols_per_token

    def encode(
        self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, rate: torch.Tensor | None = None
    ) -> Coded:
        """Encode a batch; see :meth:`Codec.encode`."""
        rate = self.draw_rates(len(values), None, values.device) if rate is None else rate
        return self.modnets.encode(self._reals(values, mask, snr_db), mask, snr_db, rate)

    def decode(self, heard: Heard) -> torch.Tensor:
        """Decode a batch; see :meth:`Codec.decode`."""
        reals, reliability = self.modnets.decode(heard)
        return self._rebuilt(torch.cat([reals, reliability], -1) if self._sees_reliability else reals, heard)

    def num_symbols(self, bits: torch.Tensor) -> torch.Tensor:
        """Return the symbols per token; see :meth:`Codec.num_symbols`."""
        return self.modnets.num_symbols(bits)

    def neutral_bits(self, batch: int, device: torch.device) -> torch.Tensor:
        """Return the mask of the first channels; see :meth:`Codec.neutral_bits`."""
        return self.modnets.neutral_bits(batch, self.rate, device)
