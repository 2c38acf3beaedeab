"""Uncoded tokens on symbols."""

import math
from typing import Any

import torch

from ..air.base import AirInterface, Received
from ..draws import Draws
from ..jscc.base import to_reals, to_symbols
from ..packing import pack, unpack
from ..side import from_bits, to_bits
from ..signal import normalize_power
from ..validation import check_choice, check_range
from .token_base import Body, TokenLink

SCALE_BITS = 16
"""Bits of the scale of an item."""


class AnalogLink(TokenLink):
    r"""Two neighbouring dimensions of a token make a symbol; nothing is learned or coded.

    .. math:: x = z / s, \qquad \hat z = \hat s\, \frac{\hat x}{1 + \sigma_\text{eff}^2}

    The scale s, the root mean square of an item's complex symbols, is sent in 16 bits on a logarithmic
    grid over ``scale_range``. With ``scale="none"`` it is not sent, and tokens arrive with unit mean
    energy per pair of dimensions, for receivers that don't mind. An odd last dimension has a symbol of its own.
    A pair of zeros is a symbol that is counted but radiates nothing, as an audit of sparse tokens will say.

    The scale that arrives is a step function of the one sent. Gradients treat it as equal to that.

    Args:
        air: the air interface.
        dim: width of a token.
        scale: "charged" or "none".
        scale_range: smallest and largest scale that the header can tell.
        options: ``length``, ``padding``, ``max_num_tokens`` and ``header_repetitions``, as
            :class:`~tokencom.linklevel.links.token_base.TokenLink` takes them.

    Example:
        >>> from tokencom.linklevel.air import FlatAirInterface
        >>> from tokencom.linklevel.tokens import Tokens
        >>> link = AnalogLink(FlatAirInterface(channel="awgn"), dim=4, max_num_tokens=3)
        >>> tokens = Tokens(torch.tensor([[[1.0, -2.0, 3.0, -4.0]]]))
        >>> reception = link(tokens, 60.0, Draws(seed=1))
        >>> reception.payload.values.round(decimals=1).tolist(), reception.channel_uses.total.tolist()
        ([[[1.0, -2.0, 3.0, -4.0]]], [50])
    """

    def __init__(
        self,
        air: AirInterface,
        dim: int,
        *,
        scale: str = "charged",
        scale_range: tuple[float, float] = (1e-3, 1e3),
        **options: Any,
    ) -> None:
        self.scale = check_choice("scale", scale, ("charged", "none"))
        super().__init__(air, num_extra_bits=SCALE_BITS if scale == "charged" else 0, **options)
        self.dim = check_range("dim", dim, 1, integer=True)
        low, high = scale_range
        check_range("scale_range[0]", low, 1e-30, 1e30)
        check_range("scale_range[1]", high, low, 1e30)
        if low == high:
            raise ValueError(f"scale_range: {scale_range} given; the second must be larger than the first")
        self._start, self._step = math.log2(low), math.log2(high / low) / (2**SCALE_BITS - 1)

    @property
    def has_verdict(self) -> bool:
        """Whether a number of tokens is received, which may be impossible; every scale is possible."""
        return self._field is not None

    @property
    def symbols_per_token(self) -> int:
        """Symbols of a token."""
        return -(-self.dim // 2)

    def num_channel_uses(self, num_tokens: int) -> int:
        """Return the channel uses, pilots and header included, of an item."""
        symbols = self.num_header_symbols + num_tokens * self.symbols_per_token
        return int(self.air.channel_uses(torch.tensor([symbols], device=self.air.device)).total[0])

    def _dim(self) -> int | None:
        return self.dim

    def _keep(self, mask: torch.Tensor) -> torch.Tensor:
        return mask[..., None].expand(-1, -1, self.symbols_per_token)

    def _send(self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, draws: Draws | None) -> Body:
        pairs = to_symbols(torch.nn.functional.pad(values, (0, self.dim % 2)))
        symbols, count = pack(pairs, self._keep(mask))
        energy = symbols.abs().square().sum(1) / count.clamp_min(1)
        if bool(((energy == 0) & (count > 0)).any()):
            raise ValueError("payload.values: all tokens of an item are zero, so they cannot be sent with unit power")
        scale = torch.where(count > 0, energy, torch.ones_like(energy)).sqrt()
        bits = self._scale_bits(scale.detach(), count > 0)
        return Body(normalize_power(symbols, count), count, torch.zeros_like(count), bits, mask, gradient=scale)

    def _scale_bits(self, scale: torch.Tensor, sent: torch.Tensor) -> torch.Tensor:
        if self.scale == "none":
            return torch.zeros(len(scale), 0, dtype=torch.bool, device=scale.device)
        index = ((scale.double().log2() - self._start) / self._step).round().long()
        outside = sent & ((index < 0) | (index >= 2**SCALE_BITS))
        if bool(outside.any()):
            low, high = 2.0**self._start, 2.0 ** (self._start + self._step * (2**SCALE_BITS - 1))
            raise ValueError(
                f"payload.values: an item of root mean square {float(scale[outside][0]):.3g} given; the header can"
                f" tell {low:.3g} to {high:.3g}: widen scale_range"
            )
        return to_bits(index.clamp(0, 2**SCALE_BITS - 1), SCALE_BITS)

    def _neutral_bits(self, mask: torch.Tensor) -> torch.Tensor:
        """Return the code of scale 1, or of what is nearest to it."""
        num_bits = SCALE_BITS if self.scale == "charged" else 0
        index = min(max(round(-self._start / self._step), 0), 2**SCALE_BITS - 1)
        return to_bits(torch.full((len(mask),), index, device=mask.device), SCALE_BITS)[:, :num_bits]

    def _receive(self, received: Received, mask: torch.Tensor, bits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        symbols = unpack(received.biased.to(self._device(), self._dtype().to_complex()), self._keep(mask))
        values = to_reals(symbols)[..., : self.dim]
        if self.scale == "charged":
            scale = torch.exp2(self._start + self._step * from_bits(bits).double())
            values = values * scale.to(values)[:, None, None]
        return values, torch.ones(len(mask), dtype=torch.bool, device=mask.device)

    def _attach(self, values: torch.Tensor, mask: torch.Tensor, body: Body) -> torch.Tensor:
        if self.scale == "none":
            return values
        return values * (body.gradient / body.gradient.detach())[:, None, None]

    def _possible(self, mask: torch.Tensor, bits: torch.Tensor, width: int) -> torch.Tensor:
        return mask.sum(1) * self.symbols_per_token <= width
