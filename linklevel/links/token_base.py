"""What all links for tokens share: padding, the header that tells it, precision, reference lines."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import torch

from ..air.base import AirInterface, Received
from ..draws import Draws
from ..packing import back_to
from ..side import MaskField, SideHeader, cut
from ..signal import snr_db_to_no
from ..tokens import Tokens
from ..validation import check_choice, check_finite, check_range
from .base import Departure, Link, Reception, Signal


@dataclass(frozen=True)
class Body:
    """What a token link sends behind its header.

    Args:
        symbols: [batch, width], complex, unit mean energy over each item's own.
        num_symbols: [batch], torch.int64.
        num_side: [batch], torch.int64; how many of them are side information.
        bits: [batch, num_extra_bits], torch.bool; what the header says besides the mask.
        mask: [batch, num_tokens], torch.bool; the tokens sent.
        gradient: what :meth:`TokenLink._attach` needs; gradients only, no values.
    """

    symbols: torch.Tensor
    num_symbols: torch.Tensor
    num_side: torch.Tensor
    bits: torch.Tensor
    mask: torch.Tensor
    gradient: Any = None


class TokenLink(Link):
    """A link whose payload is :class:`~tokencom.linklevel.Tokens`.

    ```
    mask, extra bits ─► header (QPSK) ─┐
    tokens, without padding ─► body  ──┴─► air ─► header ─► which tokens follow ─► body ─► tokens
    ```

    ``length="charged"`` sends the number of tokens (or the mask) in a header, counted as side
    information; the receiver believes it, and an item whose header names more tokens than were on the air
    is empty and not ok. With ``length="known"`` the receiver is given the mask: right where
    it follows from something that both sides have. Tokens are worked on in float32 (float64 if the link is
    in double precision), whatever their dtype and any autocast, and come back in their own dtype.

    Args:
        air: the air interface.
        length: "charged" or "known".
        padding: side of the padding, "right" or "left"; "any" for masks with holes.
        max_num_tokens: most tokens of an item, which fixes the size of the header.
        header_repetitions: times that every block of the header is sent.
        num_extra_bits: header bits besides the mask.
        num_tokens_agreed: number of tokens of every item, where it is fixed; nothing is sent then.
    """

    def __init__(
        self,
        air: AirInterface,
        *,
        length: str = "charged",
        padding: str = "right",
        max_num_tokens: int = 255,
        header_repetitions: int = 1,
        num_extra_bits: int = 0,
        num_tokens_agreed: int | None = None,
    ) -> None:
        super().__init__(air)
        self.length = check_choice("length", length, ("charged", "known"))
        check_range("header_repetitions", header_repetitions, 1, integer=True)
        field = MaskField(max_num_tokens, padding)
        self._field = field if length == "charged" and num_tokens_agreed is None else None
        self._agreed = num_tokens_agreed
        self._num_mask_bits = num_mask_bits = 0 if self._field is None else field.num_bits
        self._header = SideHeader(
            num_mask_bits + num_extra_bits, num_repetitions=header_repetitions,
            precision=air.precision, device=air.device,
        )  # fmt: skip
        self._check_header(air)

    def _check_header(self, air: AirInterface) -> None:
        if self._header.num_bits and not air.has_csi:
            raise ValueError(
                "length: 'charged' or side information needs a header, which is detected coherently, but air has no"
                " CSI; choose csi='perfect' or 'estimated'"
            )

    def through(self, air: AirInterface) -> Self:
        """Return this link over another air interface; see :meth:`Link.through`."""
        other = super().through(air)
        self._check_header(air)
        return other

    @property
    def num_header_symbols(self) -> int:
        """Symbols of the header."""
        return self._header.num_symbols

    @property
    def has_verdict(self) -> bool:
        """Whether there is a header, which may be impossible."""
        return self._header.num_bits > 0

    @property
    def auxiliary_loss(self) -> torch.Tensor:
        """A scalar that training adds to its loss; 0 where a scheme has none."""
        return torch.zeros(())

    @abstractmethod
    def _send(self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor, draws: Draws | None) -> Body:
        """Turn tokens [batch, num_tokens, dim], zero at padding, into symbols."""

    @abstractmethod
    def _receive(self, received: Received, mask: torch.Tensor, bits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Turn the body into tokens [batch, num_tokens, dim] and a verdict [batch], torch.bool."""

    def _attach(self, values: torch.Tensor, mask: torch.Tensor, body: Body) -> torch.Tensor:
        """Return the same values with a gradient where the true one is zero almost everywhere."""
        return values

    def _possible(self, mask: torch.Tensor, bits: torch.Tensor, width: int) -> torch.Tensor:
        """Tell which items could have been sent in ``width`` symbols, [batch], torch.bool."""
        return torch.ones(len(mask), dtype=torch.bool, device=mask.device)

    def _neutral_bits(self, mask: torch.Tensor) -> torch.Tensor:
        """Return extra header bits that say nothing about items, [batch, num_extra_bits], torch.bool."""
        num_bits = self._header.num_bits - self._num_mask_bits
        return torch.zeros(len(mask), num_bits, dtype=torch.bool, device=mask.device)

    def _dim(self) -> int | None:
        """Return the token width that the link carries; any if `None`."""
        return None

    def _dtype(self) -> torch.dtype:
        """Return the real dtype that the link works in.

        Raises:
            TypeError: if its parameters have been turned into half precision.
        """
        dtypes = {tensor.dtype for tensor in self._state() if tensor.is_floating_point()}
        for dtype in dtypes - {torch.float32, torch.float64}:
            raise TypeError(
                f"link: parameters are {dtype}; a link works in torch.float32 or torch.float64, whatever the"
                " tokens are: call link.float()"
            )
        return max(dtypes, key=lambda dtype: dtype.itemsize, default=self.air.dtype)

    def _device(self) -> torch.device:
        return next((tensor.device for tensor in self._state()), torch.device(self.air.device))

    def _state(self) -> Iterator[torch.Tensor]:
        """Yield parameters and buffers, without the air interface's."""
        for name, module in self.named_children():
            if name != "air":
                yield from module.parameters()
                yield from module.buffers()

    def _open(self, payload: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Check a payload; return its values in the working dtype, zero at padding, and the mask."""
        if not isinstance(payload, Tokens):
            raise TypeError(f"payload: {type(payload).__name__} given; {type(self).__name__} takes Tokens")
        values, mask = payload.values, payload.mask
        if self._dim() not in {None, values.shape[2]}:
            raise ValueError(
                f"payload.values: tokens of width {values.shape[2]} given; the link carries dim = {self._dim()}"
            )
        sent = values.detach()[mask]
        if values.dtype == torch.float16 and bool(sent.isinf().any()):
            raise ValueError(
                "payload.values: infinite values in torch.float16, an overflow past 65504 before the link; run the"
                " model in torch.bfloat16 or torch.float32"
            )
        check_finite("payload.values", sent)
        if self._field is not None:
            self._field.check(mask)
        mask = mask.to(self._device())
        values = values.to(self._device(), self._dtype())
        return torch.where(mask[..., None], values, torch.zeros_like(values)), mask

    def _close(self, values: torch.Tensor, mask: torch.Tensor, payload: Any) -> Any:
        """Give the received tokens the form of the payload."""
        return Tokens(back_to(values, payload.values), mask.to(payload.values.device))

    def encode(self, payload: Any, snr_db: torch.Tensor) -> Signal:
        """Turn tokens into symbols; see :meth:`Link.encode`.

        Raises:
            TypeError: for another kind of payload.
            ValueError: for NaN, a wrong token width, or a mask that the header cannot tell.
        """
        values, mask = self._open(payload)
        return self._signal(self._send(values, mask, snr_db.to(values.device), None), mask)

    def decode(
        self, received: Received, mask: torch.Tensor | None = None, num_tokens: int | None = None
    ) -> tuple[Any, torch.Tensor]:
        """Turn equalised symbols into tokens and a verdict; see :meth:`Link.decode`.

        Args:
            received: what was received.
            mask: [batch, num_tokens], torch.bool; for ``length="known"`` only.
            num_tokens: positions of the batch, for charged lengths; ``max_num_tokens`` if `None`.
        """
        values, mask, ok = self._decode(received, mask, num_tokens)
        return Tokens(values, mask), ok

    def forward(self, payload: Any, snr_db: float | torch.Tensor, draws: Draws) -> Reception:
        """Send a batch once; see :meth:`Link.forward`."""
        with torch.autocast(self._device().type, enabled=False):
            return super().forward(payload, snr_db, draws)

    def depart(self, payload: Any, snr_db: float | torch.Tensor, draws: Draws) -> Departure:
        """Do the transmitter's half; see :meth:`Link.depart`."""
        with torch.autocast(self._device().type, enabled=False):
            snr_db = torch.as_tensor(snr_db, dtype=torch.float32, device=self._device()).expand(len(payload))
            values, mask = self._open(payload)
            body = self._send(values, mask, snr_db, draws)
            return Departure(payload, self._signal(body, mask), snr_db, (body, mask))

    def arrive(self, departure: Departure, received: Received) -> Reception:
        """Do the receiver's half; see :meth:`Link.arrive`."""
        with torch.autocast(self._device().type, enabled=False):
            (body, sent), signal = departure.body, departure.signal
            values, mask, ok = self._decode(received, sent if self.length == "known" else None, sent.shape[1])
            payload = self._close(self._attach(values, mask, body), mask, departure.payload)
            return Reception(payload, ok, self.air.channel_uses(signal.num_symbols, signal.num_side), departure.snr_db)

    def clean(self, payload: Any, snr_db: float | torch.Tensor) -> Any:
        """Return what the receiver has without fading, noise and header errors, encoded for ``snr_db``."""
        with torch.autocast(self._device().type, enabled=False):
            snr_db = torch.as_tensor(snr_db, dtype=torch.float32, device=self._device()).expand(len(payload))
            values, mask = self._open(payload)
            body = self._send(values, mask, snr_db, None)
            no_eff = torch.zeros_like(body.symbols.real)
            received = Received(body.symbols, no_eff, snr_db_to_no(snr_db).to(no_eff))
            values, _ = self._receive(received, mask, body.bits)
            return self._close(self._masked(values, mask), mask, payload)

    def blind(self, payload: Any, snr_db: float | torch.Tensor = 0.0, draws: Draws | None = None) -> Any:
        """Return what the receiver makes of noise, knowing nothing but which positions hold tokens.

        Args:
            payload: a batch; only its shape, dtype and mask matter.
            snr_db: scalar or [batch], dB; sets the noise and, where the codec adapts, the receiver.
            draws: where the noise comes from; a fixed seed if `None`.
        """
        with torch.no_grad(), torch.autocast(self._device().type, enabled=False):
            snr_db = torch.as_tensor(snr_db, dtype=torch.float32, device=self._device()).expand(len(payload))
            values, mask = self._open(payload)
            body = self._neutral_body(values, mask, snr_db)
            silence = torch.zeros_like(body.symbols).to(self.air.device, self.air.cdtype)
            no = snr_db_to_no(snr_db).to(self.air.device)
            count = body.num_symbols.to(silence.device)
            received = self.air(silence, no, draws or Draws(seed=0), num_symbols=count)
            values, _ = self._receive(received, mask, self._neutral_bits(mask))
            return self._close(self._masked(values, mask), mask, payload)

    def _neutral_body(self, values: torch.Tensor, mask: torch.Tensor, snr_db: torch.Tensor) -> Body:
        """Return a body as long as the receiver takes it to be with :meth:`_neutral_bits`."""
        return self._send(values, mask, snr_db, None)

    def _signal(self, body: Body, mask: torch.Tensor) -> Signal:
        """Put the header before the body."""
        device = self.air.device
        symbols, bits = body.symbols.to(device, self.air.cdtype), body.bits
        if self._field is not None:
            bits = torch.cat([self._field.encode(mask), bits], dim=1)
        if self._header.num_bits:
            symbols = torch.cat([self._header.encode(bits).to(symbols), symbols], dim=1)
        start = self.num_header_symbols
        return Signal(symbols, body.num_symbols.to(device) + start, body.num_side.to(device) + start)

    def _decode(
        self, received: Received, mask: torch.Tensor | None, num_tokens: int | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Read the header and decode the body: values, mask and verdict."""
        device = self._device()
        bits = self._header.decode(received).to(device)
        field, extra = bits[:, : self._num_mask_bits], bits[:, self._num_mask_bits :]
        ok = torch.ones(len(bits), dtype=torch.bool, device=device)
        if self._field is not None:
            width = self._field.max_num_tokens if num_tokens is None else num_tokens
            mask, ok = self._field.decode(field, width)
        elif self._agreed is not None:
            mask = torch.ones(len(bits), self._agreed, dtype=torch.bool, device=device)
        elif mask is None:
            raise ValueError("mask: None given; a link with length='known' needs it")
        body = cut(received, self.num_header_symbols)
        ok = ok & self._possible(mask, extra, body.symbols.shape[1])
        mask = mask & ok[:, None]
        values, intact = self._receive(body, mask, extra)
        return self._masked(values, mask), mask, (ok & intact).to(received.symbols.device)

    @staticmethod
    def _masked(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.where(mask[..., None], values, torch.zeros_like(values))
