"""Convolutional DeepJSCC for images."""

from collections.abc import Sequence

import torch
from torch import nn

from ..validation import check_choice, check_range
from .base import Coded, Heard, ImageCodec, seeded, to_reals, to_symbols
from .gdn import GDN
from .snr import ADAPTATIONS

STRIDES = (2, 2, 1, 1, 1)


class DeepJSCC(ImageCodec):
    """Five convolutions to symbols, five transposed ones back.

    ```
    image ─► conv /2 ─► conv /2 ─► conv ─► conv ─► conv [channels] ─► symbols, channels / 2 per position
    symbols, reliabilities ─► conv ─► conv ─► conv ─► conv ×2 ─► conv ×2 ─► sigmoid ─► image
    ```

    E. Bourtsoulatze, D. Burth Kurka and D. Gündüz, "Deep Joint Source-Channel Coding for Wireless Image
    Transmission", IEEE Trans. Cogn. Commun. Netw. 5(3), 2019, whose sizes are the defaults; there the decoder
    sees the symbols only. With ``adaptation`` the hidden layers follow the SNR (ADJSCC; see
    :class:`~tokencom.linklevel.jscc.snr.AttentionFeature`). cbr = channels / 96.

    Args:
        size: height and width of the images, multiples of 4.
        channels: real channels of the latent, even.
        filters: widths of the four hidden layers.
        kernel_size: of all convolutions, odd.
        activation: "prelu" or "gdn".
        adaptation: `None`, "attention" or "film".
        reliability: whether the decoder also sees 1 / (1 + no_eff) of every symbol.
        seed: of the initial parameters.

    Example:
        >>> codec = DeepJSCC(size=(32, 32), channels=16)
        >>> codec.num_tokens, codec.symbols_per_token
        (64, 8)
    """

    def __init__(
        self,
        *,
        size: tuple[int, int],
        channels: int,
        filters: Sequence[int] = (16, 32, 32, 32),
        kernel_size: int = 5,
        activation: str = "prelu",
        adaptation: str | None = None,
        reliability: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(size=size, symbols_per_token=even("channels", channels) // 2, factor=4)
        if len(filters) != len(STRIDES) - 1:
            raise ValueError(f"filters: {len(filters)} widths given; {len(STRIDES) - 1} are needed")
        if check_range("kernel_size", kernel_size, 1, 15, integer=True) % 2 == 0:
            raise ValueError(f"kernel_size: {kernel_size} given; it must be odd")
        check_choice("activation", activation, ("prelu", "gdn"))
        check_choice("adaptation", adaptation, (None, *ADAPTATIONS))
        self._sees_reliability = reliability
        seen = channels + channels // 2 * reliability
        down, up = (3, *filters, channels), (seen, *filters[::-1], 3)
        with seeded(seed):
            self.encoder = nn.ModuleList(
                nn.Conv2d(down[i], down[i + 1], kernel_size, stride, kernel_size // 2)
                for i, stride in enumerate(STRIDES)
            )
            self.decoder = nn.ModuleList(
                nn.ConvTranspose2d(up[i], up[i + 1], kernel_size, stride, kernel_size // 2, output_padding=stride - 1)
                for i, stride in enumerate(STRIDES[::-1])
            )
            for layer in (*self.encoder, *self.decoder):
                _keep_variance(layer)
            make = nn.PReLU if activation == "prelu" else GDN
            self.encoder_activations = nn.ModuleList(make(width) for width in filters)
            self.decoder_activations = nn.ModuleList(
                nn.PReLU(width) if activation == "prelu" else GDN(width, inverse=True) for width in filters[::-1]
            )
            kind = None if adaptation is None else ADAPTATIONS[adaptation]
            self.encoder_adapters = nn.ModuleList(kind(width) for width in filters if kind)
            self.decoder_adapters = nn.ModuleList(kind(width) for width in filters[::-1] if kind)

    def encode(
        self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, rate: torch.Tensor | None = None
    ) -> Coded:
        """Encode images; see :meth:`Codec.encode`."""
        latent = self._run(2.0 * values - 1.0, "encoder", snr_db)
        bits = torch.zeros(len(values), 0, dtype=torch.bool, device=values.device)
        return Coded(to_symbols(self._tokens(latent)), self.num_symbols(bits), bits)

    def decode(self, heard: Heard) -> torch.Tensor:
        """Decode images, in [0, 1]; see :meth:`Codec.decode`."""
        latent = to_reals(heard.symbols)
        if self._sees_reliability:
            latent = torch.cat([latent, heard.reliability], dim=-1)
        return self._run(self._picture(latent), "decoder", heard.snr_db).sigmoid()

    def _run(self, x: torch.Tensor, end: str, snr_db: torch.Tensor) -> torch.Tensor:
        """Run the layers of one end, with activation and adaptation between them."""
        layers, activations = getattr(self, end), getattr(self, f"{end}_activations")
        adapters = getattr(self, f"{end}_adapters")
        for i, layer in enumerate(layers):
            x = layer(x)
            if i < len(activations):
                x = activations[i](x)
            if i < len(adapters):
                tokens, sides = self._tokens(x), x.shape[2:]
                every = torch.ones(tokens.shape[:2], dtype=torch.bool, device=x.device)
                x = adapters[i](tokens, every, snr_db).transpose(1, 2).unflatten(2, sides)
        return x


def _keep_variance(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Start a layer so that features neither fade nor grow; five layers of torch's default divide them by 15.

    K. He, X. Zhang, S. Ren and J. Sun, "Delving Deep into Rectifiers", ICCV 2015, eq. 15, with the slope 0.25 of a
    fresh PReLU. A transposed convolution of stride s sums 1 / s² as many terms.
    """
    terms: float = layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1]
    if isinstance(layer, nn.ConvTranspose2d):
        terms /= layer.stride[0] * layer.stride[1]
    nn.init.normal_(layer.weight, std=(2.0 / ((1.0 + 0.25**2) * terms)) ** 0.5)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


def even(name: str, channels: int) -> int:
    """Return a number of real channels, two of which make a symbol.

    Raises:
        ValueError: for an odd one.
    """
    if check_range(name, channels, 2, integer=True) % 2:
        raise ValueError(
            f"{name}: {channels} given; two reals make a symbol, so {channels - 1} or {channels + 1} will do"
        )
    return channels
