"""Tokens through a quantiser, channel code and constellation."""

from collections.abc import Iterator, Mapping
from typing import Any, Self, cast

import torch

from ..air.base import AirInterface, Received
from ..codes.transport import num_coded_bits
from ..draws import Draws
from ..packing import pack
from ..quantizers.base import Quantizer
from ..validation import check_choice
from .digital import DigitalLink
from .protection import Protection
from .token_base import Body, TokenLink

FAILURES = ("zero", "mean", "decoded", "soft")
"""What stands in for the tokens of a block with a wrong CRC."""


class QuantizedLink(TokenLink):
    """A quantiser of tokens, and one transport block per item for its bits (two with ``protection``).

    ```
    tokens ─► quantiser ─► bits ─► CRC, channel code, constellation (DigitalLink) ─► air
    number of tokens, mask of important ones ─► header ─────────────────────────────► air
    ```

    Tokens of a block whose CRC fails are declared by ``on_failure``: "zero"; "mean", the quantiser's mean
    token; "decoded", what the wrong bits say; "soft", the latter drawn towards the mean token by
    how little the block, encoded again, agrees with what was received. An item is ok if all its CRCs hold.

    In training, gradients pass straight through quantiser and channel where a token arrived as it was sent,
    and vanish elsewhere; ``auxiliary_loss`` is the quantiser's loss on what was sent last.

    Args:
        air: the air interface.
        quantizer: the quantiser.
        code: name of the code family.
        num_bits_per_symbol: coded bits per symbol.
        coderate: payload bits per coded bit.
        constellation_type: "qam", "psk" or "pam".
        crc: CRC of a block, or `None` for no verdict.
        backend: whose encoder, decoder, mapper and demapper.
        demapping_method: "app" or "maxlog".
        code_options: the family's options.
        on_failure: "zero", "mean", "decoded" or "soft".
        protection: of the important tokens, or `None`.
        options: ``length``, ``padding``, ``max_num_tokens`` and ``header_repetitions``, as
            :class:`~tokencom.linklevel.links.token_base.TokenLink` takes them.

    Example:
        >>> from tokencom.linklevel.air import FlatAirInterface
        >>> from tokencom.linklevel.tokens import Tokens
        >>> from tokencom.linklevel.quantizers import UniformQuantizer
        >>> quantizer = UniformQuantizer(dim=32, num_bits=4)
        >>> link = QuantizedLink(
        ...     FlatAirInterface(channel="awgn"), quantizer, code="conv", num_bits_per_symbol=4, coderate=0.5
        ... )
        >>> reception = link(Tokens(torch.ones(2, 3, 32)), 20.0, Draws(seed=1))
        >>> reception.ok.tolist(), reception.payload.values[0, 0, 0].item(), reception.channel_uses.total.tolist()
        ([True, True], 1.25, [224, 224])
    """

    def __init__(
        self,
        air: AirInterface,
        quantizer: Quantizer,
        *,
        code: str,
        num_bits_per_symbol: int,
        coderate: float,
        constellation_type: str = "qam",
        crc: str | None = "CRC16",
        backend: str = "fast",
        demapping_method: str = "app",
        code_options: Mapping[str, Any] | None = None,
        on_failure: str = "zero",
        protection: Protection | None = None,
        max_num_tokens: int = 255,
        **options: Any,
    ) -> None:
        if not isinstance(quantizer, Quantizer):
            raise TypeError(
                f"quantizer: {type(quantizer).__name__} given; a tokencom.linklevel.quantizers.Quantizer is needed"
            )
        self._flags = 0 if protection is None or protection.importance == "position" else max_num_tokens
        super().__init__(air, num_extra_bits=self._flags, max_num_tokens=max_num_tokens, **options)
        self.quantizer, self.protection = quantizer, protection
        self.on_failure = check_choice("on_failure", on_failure, FAILURES)
        common: dict[str, Any] = {
            "code": code, "constellation_type": constellation_type, "crc": crc, "backend": backend,
            "demapping_method": demapping_method, "code_options": dict(code_options or {}),
            "num_bits_per_symbol": num_bits_per_symbol, "coderate": coderate,
        }  # fmt: skip
        self._blocks: list[dict[str, Any]] = [common]
        if protection is not None:
            bits = protection.num_bits_per_symbol or num_bits_per_symbol
            self._blocks.insert(0, {**common, "coderate": protection.coderate, "num_bits_per_symbol": bits})
        self._links: dict[tuple[int, int], DigitalLink] = {}
        for kind in range(len(self._blocks)):
            self._digital(kind, 1)  # so that a wrong option shows at once
        self._loss: torch.Tensor | None = None

    def through(self, air: AirInterface) -> Self:
        """Return this link over another air interface; see :meth:`Link.through`."""
        other = super().through(air)
        other._links, other._loss = {}, None
        return other

    @property
    def has_verdict(self) -> bool:
        """Whether blocks have a CRC, or items a header, which may be impossible."""
        return super().has_verdict or self._blocks[0]["crc"] is not None

    @property
    def auxiliary_loss(self) -> torch.Tensor:
        """The quantiser's loss on the tokens sent last, a scalar."""
        return torch.zeros(()) if self._loss is None else self._loss

    def num_channel_uses(self, num_tokens: int) -> int:
        """Return the channel uses, pilots and header included, of an item."""
        important = int(self.protection.share * num_tokens + 0.5) if self.protection else 0
        counts = [important, num_tokens - important] if self.protection else [num_tokens]
        body = sum(self._num_symbols(kind, count) for kind, count in enumerate(counts))
        symbols = torch.tensor([self.num_header_symbols + body], device=self.air.device)
        return int(self.air.channel_uses(symbols).total[0])

    def _dim(self) -> int | None:
        return self.quantizer.dim

    def _digital(self, kind: int, num_tokens: int) -> DigitalLink:
        """Return the digital link of a block of so many tokens."""
        key = (kind, num_tokens)
        if key not in self._links:
            num_bits = num_tokens * self.quantizer.bits_per_token
            self._links[key] = DigitalLink(air=self.air, num_bits=num_bits, **self._blocks[kind])
        return self._links[key]

    def _num_symbols(self, kind: int, num_tokens: int) -> int:
        """Return the symbols of a block of so many tokens."""
        if num_tokens == 0:
            return 0
        options = self._blocks[kind]
        num_bits_per_symbol = options["num_bits_per_symbol"]
        num_bits = num_coded_bits(
            k=num_tokens * self.quantizer.bits_per_token, coderate=options["coderate"], code=options["code"],
            crc=options["crc"], num_bits_per_symbol=num_bits_per_symbol, **options["code_options"],
        )  # fmt: skip
        return -(-num_bits // num_bits_per_symbol)

    def _sizes(self, kind: int, count: torch.Tensor) -> torch.Tensor:
        """Return the symbols of blocks of ``count`` tokens, [batch], torch.int64."""
        sizes = {number: self._num_symbols(kind, number) for number in count.unique().tolist()}
        return torch.tensor([sizes[number] for number in count.tolist()], dtype=torch.int64, device=count.device)

    def _parts(self, mask: torch.Tensor, bits: torch.Tensor) -> list[torch.Tensor]:
        """Return which tokens each block carries, by what the header says of them."""
        if self.protection is None:
            return [mask]
        if self._flags:
            place = (mask.cumsum(1) - 1).clamp(0, bits.shape[1] - 1)
            important = mask & bits.gather(1, place)
        else:
            important = self.protection.important(mask[..., None].float(), mask)
        return [important, mask & ~important]

    def _groups(
        self, part: torch.Tensor, kind: int, start: torch.Tensor
    ) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
        """Yield each number of tokens that a block has, the items that have it, and where their symbols are."""
        count = part.sum(1)
        for number in count.unique().tolist():
            if number:
                rows = (count == number).nonzero()[:, 0]
                places = torch.arange(self._num_symbols(kind, number), device=part.device)
                yield number, rows, start[rows, None] + places

    def _send(self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, draws: Draws | None) -> Body:
        indices, quantized, self._loss = self.quantizer(values[mask])
        sent = torch.zeros(*mask.shape, self.quantizer.bits_per_token, dtype=torch.bool, device=mask.device)
        sent[mask] = self.quantizer.to_bits(indices)
        bits = self._flag_bits(values, mask)
        parts = self._parts(mask, bits)
        sizes = torch.stack([self._sizes(kind, part.sum(1)) for kind, part in enumerate(parts)])
        total, start = sizes.sum(0), torch.zeros_like(sizes[0])
        width = int(total.max()) if len(total) else 0
        symbols = torch.zeros(len(mask), width, dtype=self.air.cdtype, device=mask.device)
        side = torch.zeros_like(total)
        for kind, part in enumerate(parts):
            for number, rows, places in self._groups(part, kind, start):
                block = sent[rows][part[rows]].reshape(len(rows), -1).float()
                signal = self._digital(kind, number).encode(block, snr_db[rows])
                symbols[rows[:, None], places] = signal.symbols.to(symbols)
                side[rows] += signal.num_side.to(side)
            start = start + sizes[kind]
        return Body(symbols, total, side, bits, mask, gradient=(values[mask], indices, quantized))

    def _flag_bits(self, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return one bit per token of an item: whether it is important."""
        if not self._flags or self.protection is None:
            return torch.zeros(len(mask), 0, dtype=torch.bool, device=mask.device)
        flags, count = pack(self.protection.important(values, mask)[..., None], mask[..., None])
        if int(count.max()) > self._flags:
            raise ValueError(f"payload.mask: {int(count.max())} tokens given; max_num_tokens is {self._flags}")
        flags = flags[:, : self._flags]
        return torch.nn.functional.pad(flags, (0, self._flags - flags.shape[1]))

    def _neutral_bits(self, mask: torch.Tensor) -> torch.Tensor:
        """Declare the first tokens important."""
        place = (mask.sum(1, keepdim=True) * (self.protection.share if self.protection else 0.0) + 0.5).floor()
        return torch.arange(self._flags, device=mask.device) < place

    def _possible(self, mask: torch.Tensor, bits: torch.Tensor, width: int) -> torch.Tensor:
        parts = self._parts(mask, bits)
        return sum(self._sizes(kind, part.sum(1)) for kind, part in enumerate(parts)) <= width  # type: ignore[return-value]

    @torch.no_grad()
    def _receive(self, received: Received, mask: torch.Tensor, bits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values = torch.zeros(*mask.shape, self.quantizer.dim, dtype=self._dtype(), device=mask.device)
        intact = torch.ones(len(mask), dtype=torch.bool, device=mask.device)
        parts = self._parts(mask, bits)
        start = torch.zeros(len(mask), dtype=torch.int64, device=mask.device)
        for kind, part in enumerate(parts):
            for number, rows, places in self._groups(part, kind, start):
                where = (rows[:, None].to(received.symbols.device), places.to(received.symbols.device))
                heard = Received(received.symbols[where], received.no_eff[where], received.no[where[0][:, 0]])
                tokens, ok = self._block_tokens(self._digital(kind, number), heard)
                keep = torch.zeros_like(part)
                keep[rows] = part[rows]
                values[keep] = tokens.to(values)
                intact[rows] &= ok
            start = start + self._sizes(kind, part.sum(1))
        return values, intact

    def _block_tokens(self, link: DigitalLink, heard: Received) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the tokens [items * tokens, dim] of blocks of one size, and their verdicts."""
        payload, ok = link.decode(heard)
        decoded = cast(torch.Tensor, payload)  # a link with num_bits
        device = self.quantizer.mean.device
        bits = decoded.bool().to(device).reshape(-1, self.quantizer.bits_per_token)
        tokens = self.quantizer.values(self.quantizer.from_bits(bits)).unflatten(0, (len(ok), -1))
        ok = ok.to(device)
        if self.on_failure == "decoded":
            return tokens.flatten(0, 1), ok
        instead = torch.zeros_like(tokens) if self.on_failure == "zero" else self.quantizer.mean.expand_as(tokens)
        if self.on_failure == "soft":
            trust = agreement(link.encode(decoded, -heard.no.log10()).symbols, heard).to(tokens)
            instead = instead + trust[:, None, None] * (tokens - instead)
        return torch.where(ok[:, None, None], tokens, instead).flatten(0, 1), ok

    def _attach(self, values: torch.Tensor, mask: torch.Tensor, body: Body) -> torch.Tensor:
        tokens, indices, quantized = body.gradient
        # Only now: sender and receiver must have the same codebook.
        if self.training and torch.is_grad_enabled():
            self.quantizer.learn(tokens, indices)
        if not quantized.requires_grad:
            return values
        sent = quantized.new_zeros(*body.mask.shape, quantized.shape[1])
        sent = sent.masked_scatter(body.mask[..., None], quantized)
        close = (values - sent.detach()).abs() <= 1e-5 * sent.detach().abs().clamp_min(1.0)
        right = (mask & body.mask & close.all(-1))[..., None]
        return values + torch.where(right, sent - sent.detach(), torch.zeros_like(sent))


def agreement(symbols: torch.Tensor, heard: Received) -> torch.Tensor:
    r"""Measure how well decoded blocks, encoded again, agree with what was received.

    .. math:: \rho = \min\left(1, \max\left(0, \frac{\sum_j \Re(x_j^* y_j) / N_j}{\sum_j |x_j|^2 / N_j}\right)\right)

    for equalised symbols y with effective noise variances N: 1 in the mean for the right codeword, 0 for one
    that has nothing to do with it.

    Args:
        symbols: [batch, num_symbols], complex; of the decoded bits.
        heard: what was received in their place.

    Returns:
        [batch], in [0, 1].
    """
    weight = 1.0 / (1e-6 + heard.no_eff)
    match = ((symbols.conj() * heard.symbols).real * weight).sum(1)
    return (match / (symbols.abs().square() * weight).sum(1).clamp_min(1e-12)).clamp(0.0, 1.0)
