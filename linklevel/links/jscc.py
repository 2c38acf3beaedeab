"""Tokens or images through a learned joint source-channel codec."""

from typing import Any

import torch

from ..air.base import AirInterface, Received
from ..draws import Draws
from ..jscc.base import Codec, Heard, ImageCodec, TokenCodec
from ..jscc.pictures import from_images, to_images
from ..packing import pack, unpack
from ..signal import normalize_power
from .token_base import Body, TokenLink


class JSCCLink(TokenLink):
    """Learned encoder, power normalisation, air interface, learned decoder.

    ```
    tokens ─► codec.encode ─► symbols of real tokens only ─► unit power per item ─► air ─┐
              side information ─► header ─► air ─► codec.decode(x̂ / (1 + no_eff), 1 / (1 + no_eff)) ─► tokens
    ```

    The decoder gets the biased estimates, which are bounded where the equalised symbols are not, and
    their reliability. With an image codec a payload is a tensor of images [batch, 3, height, width] in
    [0, 1], or a list of numpy.uint8 arrays [height, width, 3]; what arrives has the same form. All
    images have the codec's size, so no length is sent.

    Args:
        air: the air interface.
        codec: the codec.
        options: ``length``, ``padding``, ``max_num_tokens`` and ``header_repetitions``, as
            :class:`~tokencom.linklevel.links.token_base.TokenLink` takes them.

    Raises:
        TypeError: if ``codec`` is none.
        ValueError: for options that cannot work.

    Example:
        >>> from tokencom.linklevel.air import FlatAirInterface
        >>> from tokencom.linklevel.tokens import Tokens
        >>> from tokencom.linklevel.jscc import DenseCodec
        >>> link = JSCCLink(FlatAirInterface(channel="awgn"), DenseCodec(dim=32), max_num_tokens=63)
        >>> mask = torch.tensor([[True, True, True], [True, False, False]])
        >>> reception = link(Tokens(torch.ones(2, 3, 32), mask), 10.0, Draws(seed=1))
        >>> reception.channel_uses.payload.tolist(), reception.channel_uses.side_information.tolist()
        ([24, 8], [16, 16])
    """

    def __init__(self, air: AirInterface, codec: Codec, **options: Any) -> None:
        if not isinstance(codec, Codec):
            raise TypeError(f"codec: {type(codec).__name__} given; a tokencom.linklevel.jscc.Codec is needed")
        agreed = codec.num_tokens if isinstance(codec, ImageCodec) else None
        super().__init__(air, num_extra_bits=codec.num_side_bits, num_tokens_agreed=agreed, **options)
        self.codec = codec

    def num_channel_uses(self, num_tokens: int) -> int:
        """Return the channel uses, pilots and header included, of an item at the codec's rate in evaluation."""
        per_token = self.codec.symbols_per_token if self.codec.rate is None else self.codec.rate // 2
        symbols = self.num_header_symbols + num_tokens * per_token
        return int(self.air.channel_uses(torch.tensor([symbols], device=self.air.device)).total[0])

    def _dim(self) -> int | None:
        return self.codec.dim if isinstance(self.codec, TokenCodec) else None

    def _open(self, payload: Any) -> tuple[torch.Tensor, torch.Tensor]:
        if not isinstance(self.codec, ImageCodec):
            return super()._open(payload)
        images = to_images(payload, self.codec.size).to(self._device(), self._dtype())
        mask = torch.ones(len(images), self.codec.num_tokens, dtype=torch.bool, device=images.device)
        return images, mask

    def _close(self, values: torch.Tensor, mask: torch.Tensor, payload: Any) -> Any:
        if isinstance(self.codec, ImageCodec):
            return from_images(values, payload)
        return super()._close(values, mask, payload)

    def decode(
        self, received: Received, mask: torch.Tensor | None = None, num_tokens: int | None = None
    ) -> tuple[Any, torch.Tensor]:
        """Turn equalised symbols into tokens or images [batch, 3, height, width]; see :meth:`TokenLink.decode`."""
        if isinstance(self.codec, ImageCodec):
            values, _, ok = self._decode(received, None, None)
            return values, ok
        return super().decode(received, mask, num_tokens)

    def _send(self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, draws: Draws | None) -> Body:
        rate = self.codec.draw_rates(len(values), draws, values.device)
        coded = self.codec.encode(values, mask, snr_db, rate)
        symbols, count = pack(coded.symbols, self._keep(mask, coded.num_symbols))
        return Body(normalize_power(symbols, count), count, torch.zeros_like(count), coded.bits, mask)

    def _receive(self, received: Received, mask: torch.Tensor, bits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        dtype, device = self._dtype(), self._device()
        keep = self._keep(mask, self.codec.num_symbols(bits))
        heard = Heard(
            symbols=unpack(received.biased.to(device, dtype.to_complex()), keep),
            reliability=unpack((1.0 / (1.0 + received.no_eff)).to(device, dtype), keep),
            mask=mask,
            snr_db=-10.0 * received.no.to(device, dtype).clamp_min(1e-30).log10(),
            bits=bits,
        )
        return self.codec.decode(heard), torch.ones(len(mask), dtype=torch.bool, device=device)

    def _possible(self, mask: torch.Tensor, bits: torch.Tensor, width: int) -> torch.Tensor:
        count = self.codec.num_symbols(bits)
        return (count * mask.sum(1) <= width) & (count <= self.codec.symbols_per_token)

    def _neutral_bits(self, mask: torch.Tensor) -> torch.Tensor:
        return self.codec.neutral_bits(len(mask), mask.device)

    def _keep(self, mask: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        """Return which symbols are sent, [batch, num_tokens, symbols_per_token], torch.bool."""
        places = torch.arange(self.codec.symbols_per_token, device=mask.device)
        return mask[..., None] & (places < count[:, None])[:, None]

    @staticmethod
    def _masked(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if values.ndim == 4:
            return values
        return TokenLink._masked(values, mask)
