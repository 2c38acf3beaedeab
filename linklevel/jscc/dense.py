"""Dense codec: every token by itself through two fully connected networks."""

import torch
from torch import nn

from ..validation import check_range
from .base import Coded, Heard, TokenCodec, seeded, to_reals, to_symbols


class DenseCodec(TokenCodec):
    """The channel codec of DeepSC, for tokens of any width.

    ```
    encoder  token [dim] ─► linear ─► ReLU ─► linear ─► 2 symbols_per_token reals ─► symbols
    decoder  symbols, reliabilities ─► linear [dim] ─┬─► ReLU ─► linear ─► ReLU ─► linear ─► + ─► layer norm ─► token
                                                     └───────────────────────────────────────┘
    ```

    With ``dim=128`` the defaults are those of H. Xie, Z. Qin, G. Y. Li and B.-H. Juang, "Deep Learning
    Enabled Semantic Communication Systems", IEEE Trans. Signal Process. 69, 2021: 128-256-16 and
    16-128-512-128. There the decoder sees the symbols only (``reliability=False``).

    Args:
        dim: width of a token.
        symbols_per_token: complex symbols of a token.
        encoder_hidden: width of the encoder's hidden layer.
        decoder_hidden: width of the decoder's hidden layer.
        reliability: whether the decoder also sees 1 / (1 + no_eff) of every symbol.
        layer_norm: whether the decoder ends with layer norm; without it, tokens of any length can be rebuilt.
        seed: of the initial parameters.

    Example:
        >>> from tokencom.linklevel.air import FlatAirInterface
        >>> from tokencom.linklevel.draws import Draws
        >>> from tokencom.linklevel.links.jscc import JSCCLink
        >>> from tokencom.linklevel.tokens import Tokens
        >>> link = JSCCLink(FlatAirInterface(channel="rayleigh"), DenseCodec(dim=32), length="known")
        >>> reception = link(Tokens(torch.randn(2, 5, 32)), 10.0, Draws(seed=1))
        >>> reception.payload.values.shape, reception.channel_uses.total.tolist()
        (torch.Size([2, 5, 32]), [40, 40])
    """

    def __init__(
        self,
        *,
        dim: int,
        symbols_per_token: int = 8,
        encoder_hidden: int = 256,
        decoder_hidden: int = 512,
        reliability: bool = True,
        layer_norm: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(dim=dim, symbols_per_token=symbols_per_token)
        check_range("encoder_hidden", encoder_hidden, 1, integer=True)
        check_range("decoder_hidden", decoder_hidden, 1, integer=True)
        self.widths = {"encoder": encoder_hidden, "first": dim, "second": decoder_hidden}
        self._sees_reliability = reliability
        with seeded(seed):
            self.encoder_in = nn.Linear(dim, encoder_hidden)
            self.encoder_out = nn.Linear(encoder_hidden, 2 * symbols_per_token)
            self.decoder_in = nn.Linear(self._num_features, dim)
            self.decoder_hidden = nn.Linear(dim, decoder_hidden)
            self.decoder_out = nn.Linear(decoder_hidden, dim)
            self.norm = nn.LayerNorm(dim) if layer_norm else nn.Identity()

    @property
    def _num_features(self) -> int:
        """Reals per token that the decoder sees."""
        return (3 if self._sees_reliability else 2) * self.symbols_per_token

    def encode(
        self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, rate: torch.Tensor | None = None
    ) -> Coded:
        """Encode a batch; see :meth:`Codec.encode`."""
        count = torch.full((len(values),), self.symbols_per_token, device=values.device)
        bits = torch.zeros(len(values), 0, dtype=torch.bool, device=values.device)
        return Coded(to_symbols(self._reals(values, mask, snr_db)), count, bits)

    def decode(self, heard: Heard) -> torch.Tensor:
        """Decode a batch; see :meth:`Codec.decode`."""
        features = to_reals(heard.symbols)
        if self._sees_reliability:
            features = torch.cat([features, heard.reliability], dim=-1)
        return self._rebuilt(features, heard)

    def _reals(self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
        """Run the encoder: [batch, num_tokens, 2 symbols_per_token]."""
        hidden = self.encoder_in(self._standard(values)).relu()
        return self.encoder_out(self._adapted("encoder", hidden, mask, snr_db))

    def _rebuilt(self, features: torch.Tensor, heard: Heard) -> torch.Tensor:
        """Run the decoder: [batch, num_tokens, dim]."""
        first = self._adapted("first", self.decoder_in(features), heard.mask, heard.snr_db)
        second = self.decoder_hidden(first.relu()).relu()
        second = self._adapted("second", second, heard.mask, heard.snr_db)
        return self._restored(self.norm(first + self.decoder_out(second)))

    def _adapted(self, place: str, x: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
        """Adapt features [batch, num_tokens, width] to the SNR; here not at all."""
        return x
