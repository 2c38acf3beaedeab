"""Feature selection by SNR: a JSCC link that sends only the tokens that matter."""

from typing import Any

import torch
from torch import nn

from ...linklevel.air.base import AirInterface, Received
from ...linklevel.draws import Draws
from ...linklevel.jscc.base import Codec, TokenCodec, seeded
from ...linklevel.jscc.snr import SNR_SCALE
from ...linklevel.links.jscc import JSCCLink
from ...linklevel.links.token_base import Body, TokenLink
from ...linklevel.packing import pack
from ...linklevel.side import from_bits, to_bits
from ...linklevel.signal import normalize_power
from ...linklevel.validation import check_range

SELECTION_INDEX = 2
"""Index of the payload stream's sub-draw that decides in training."""


class FeatureSelection(nn.Module):
    """Tells how probably a token is worth sending at an SNR.

    The feature selection module of G. Zhang, Q. Hu, Z. Qin, Y. Cai, G. Yu and X. Tao, "A Unified Multi-Task Semantic
    Communication System for Multimodal Data", IEEE Trans. Commun. 72(7), 2024: what a token holds, what all hold on
    average, and the SNR, through a small network.

    Args:
        dim: width of a token.
        hidden: width of the hidden layer.
    """

    def __init__(self, dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.local = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.GELU())
        self.score = nn.Sequential(nn.Linear(2 * hidden + 1, hidden), nn.GELU(), nn.Linear(hidden, 1))

    def forward(self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
        """Return log-odds of sending, [batch, num_tokens].

        Args:
            values: [batch, num_tokens, dim].
            mask: [batch, num_tokens], torch.bool; which tokens there are.
            snr_db: [batch], dB; the long-term SNR, which the transmitter knows.
        """
        own = self.local(values)
        count = mask.sum(1, keepdim=True).clamp_min(1)
        mean = (own * mask[..., None]).sum(1) / count
        snr = (snr_db.to(own) / SNR_SCALE)[:, None]
        shared = torch.cat([mean, snr], -1)[:, None].expand(-1, own.shape[1], -1)
        return self.score(torch.cat([own, shared], -1))[..., 0]


class SelectiveLink(JSCCLink):
    """A JSCC link that leaves out tokens, more or fewer by content and SNR (U-DeepSC).

    ```
    tokens ─► selection(tokens, SNR) ─► those kept, moved together ─► codec ─► air ─► codec ─► tokens, then zeros
              number kept ─► header ─────────────────────────────────► air ─► how many there are
    ```

    The first ``num_selectable`` places of an item (such as a picture) are selected from; what follows is always sent.
    Kept tokens keep their order but not their places, so the encoder must put places into the tokens. Which are kept
    needs no mask then: the header says how many, and its symbols count as side information. At the receiver the
    places that are left over hold zeros.

    In training the decision is drawn (Gumbel, temperature 1) and the gradient passes as if the probability were
    multiplied to a kept token. :attr:`auxiliary_loss` is ``weight`` times the squared difference between the mean
    probability of the batch and ``share``, so that SNRs may differ in what they send. In evaluation as many tokens are
    sent as the probabilities of an item add up to, rounded, the most probable ones.

    Args:
        air: the air interface.
        codec: of tokens, with one rate.
        num_selectable: places that are selected from.
        share: of selectable tokens that shall be sent on average.
        weight: of the loss that asks for it.
        min_tokens: that are always kept of the selectable ones, the most probable.
        hidden: width of the selection network.
        seed: of its initial parameters.
        options: as :class:`~tokencom.linklevel.links.jscc.JSCCLink` takes them.

    Raises:
        TypeError: for a codec of images.
        ValueError: for a codec with rates of its own, or values out of range.
    """

    def __init__(
        self, air: AirInterface, codec: Codec, *, num_selectable: int, share: float = 0.75, weight: float = 4.0,
        min_tokens: int = 1, hidden: int = 64, seed: int = 0, **options: Any,
    ) -> None:  # fmt: skip
        if not isinstance(codec, TokenCodec):
            raise TypeError(f"codec: {type(codec).__name__} given; feature selection needs a codec of tokens")
        if codec.num_side_bits:
            raise ValueError("codec: it has rates to choose from; feature selection needs a codec of one rate")
        self.num_selectable = check_range("num_selectable", num_selectable, 1, 2**20, integer=True)
        self.share = check_range("share", share, 0.0, 1.0)
        self.weight = check_range("weight", weight, 0.0)
        self.min_tokens = check_range("min_tokens", min_tokens, 0, num_selectable, integer=True)
        TokenLink.__init__(self, air, num_extra_bits=self.num_selectable.bit_length(), **options)
        self.codec = codec
        with seeded(seed):
            self.selection = FeatureSelection(codec.dim, hidden)
        self._loss: torch.Tensor | None = None

    @property
    def auxiliary_loss(self) -> torch.Tensor:
        """The loss on the share of tokens of the last batch, a scalar."""
        return torch.zeros(()) if self._loss is None else self._loss

    def select(
        self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, draws: Draws | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return which tokens are kept, [batch, num_tokens], torch.bool, and the probabilities of that.

        Args:
            values: [batch, num_tokens, dim].
            mask: [batch, num_tokens], torch.bool.
            snr_db: [batch], dB.
            draws: of the decision in training; none is drawn if `None`.
        """
        width = min(self.num_selectable, mask.shape[1])
        there = mask[:, :width]
        odds = self.selection(values[:, :width], there, snr_db)
        probability = odds.sigmoid()
        best = torch.where(there, odds, odds.new_full((), -torch.inf)).argsort(dim=1, descending=True, stable=True)
        rank = best.argsort(dim=1)
        if self.training and draws is not None:
            noise = torch.rand(odds.shape, generator=draws.generator("payload", SELECTION_INDEX)).to(odds)
            kept = noise < probability
        else:
            kept = rank < (probability * there).sum(1, keepdim=True).round()
        kept = (kept | (rank < self.min_tokens)) & there
        return torch.cat([kept, mask[:, width:]], 1), probability

    def _send(self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, draws: Draws | None) -> Body:
        kept, probability = self.select(values, mask, snr_db, draws)
        width = probability.shape[1]
        there = mask[:, :width]
        mean = (probability * there).sum() / there.sum().clamp_min(1)
        self._loss = self.weight * (mean - self.share).square()
        count = kept[:, :width].sum(1)
        order = (~kept[:, :width]).to(torch.uint8).argsort(dim=1, stable=True)
        front = values[:, :width].gather(1, order[..., None].expand(-1, -1, values.shape[2]))
        gate = (probability / probability.detach().clamp_min(1e-6)).gather(1, order)
        sent = self._sent(mask, count)
        values = torch.where(sent[..., None], torch.cat([front, values[:, width:]], 1), torch.zeros_like(values))
        coded = self.codec.encode(values, sent, snr_db)
        symbols, num_symbols = pack(coded.symbols, self._keep(sent, coded.num_symbols))
        bits = to_bits(count, self.num_selectable.bit_length())
        return Body(
            normalize_power(symbols, num_symbols), num_symbols, torch.zeros_like(num_symbols), bits, mask, gradient=gate
        )

    def _receive(self, received: Received, mask: torch.Tensor, bits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        sent = self._sent(mask, from_bits(bits))
        values, ok = super()._receive(received, sent, bits[:, :0])
        return torch.where(sent[..., None], values, torch.zeros_like(values)), ok

    def _attach(self, values: torch.Tensor, mask: torch.Tensor, body: Body) -> torch.Tensor:
        width = body.gradient.shape[1]
        return torch.cat([values[:, :width] * body.gradient[..., None], values[:, width:]], 1)

    def _possible(self, mask: torch.Tensor, bits: torch.Tensor, width: int) -> torch.Tensor:
        count = from_bits(bits)
        selectable = mask[:, : self.num_selectable].sum(1)
        sent = self._sent(mask, count).sum(1) * self.codec.symbols_per_token
        return (count <= selectable) & (sent <= width)

    def _neutral_bits(self, mask: torch.Tensor) -> torch.Tensor:
        return to_bits(mask[:, : self.num_selectable].sum(1), self.num_selectable.bit_length())

    def _neutral_body(self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor) -> Body:
        """Return a body of all tokens."""
        return super()._send(values, mask, snr_db, None)

    def _sent(self, mask: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        """Return the places that hold tokens on the air, [batch, num_tokens], torch.bool."""
        places = torch.arange(mask.shape[1], device=mask.device)
        return mask & ((places < count[:, None]) | (places >= self.num_selectable))
