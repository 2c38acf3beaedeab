"""A link for the tokens of a model: precision, device, width and range are checked on both sides."""

from typing import Any

import torch
from torch import nn

from ...linklevel.draws import Draws
from ...linklevel.links.base import Reception
from ...linklevel.tokens import Tokens


class TokenBridge(nn.Module):
    """Carries tokens of any floating dtype and device over a token link, and back.

    ```
    model's dtype, device ─► link's dtype, device ─► link ─► model's dtype, device
    ```

    A link computes in the precision of its parameters or, if it has none, of its air interface;
    models in half precision keep theirs. Casts are explicit, and one that overflows is an error.

    Args:
        link: takes :class:`~tokencom.linklevel.tokens.Tokens`, the SNR and the draws, and returns a
            :class:`~tokencom.linklevel.links.base.Reception` of tokens.
        snr_db: scalar or [batch], dB; what :func:`bridged` uses where it is given none.

    Raises:
        TypeError: if ``link`` is not callable.
    """

    def __init__(self, link: nn.Module, *, snr_db: float | torch.Tensor | None = None) -> None:
        super().__init__()
        if not callable(link):
            raise TypeError(f"link: {type(link).__name__} given; a link that carries tokens is needed")
        self.link = link
        self.snr_db = snr_db

    @property
    def width(self) -> int | None:
        """Width of the tokens that the link carries; `None` if it carries any."""
        codec = getattr(self.link, "codec", None)
        return getattr(self.link, "dim", getattr(codec, "dim", None))

    def forward(
        self, tokens: Tokens, snr_db: float | torch.Tensor, draws: Draws, *, where: str = "tokens"
    ) -> Reception:
        """Send a batch of tokens.

        Args:
            tokens: values [batch, num_tokens, dim] of any floating dtype.
            snr_db: scalar or [batch], dB, Es/N0.
            draws: where the fade and the noise come from.
            where: name for messages.

        Returns:
            The link's reception; its payload has the dtype and the device of ``tokens``, and zeros
            where the mask is false.

        Raises:
            TypeError: for values that are not floating-point numbers, or a link that returns no tokens.
            ValueError: for a width that the link cannot carry, values that are not finite, or received
                values that the dtype of ``tokens`` cannot hold.
        """
        values, mask = tokens.values, tokens.mask
        assert mask is not None
        self._check(values, mask, where)
        dtype, device = self._precision(values), self._device(values)
        sent = torch.where(mask[..., None], values, torch.zeros_like(values))
        snr_db = torch.as_tensor(snr_db, dtype=torch.float32, device=device)
        try:
            reception = self.link(Tokens(sent.to(device, dtype), mask.to(device)), snr_db, draws)
        except ValueError as error:
            error.add_note(f"while tokens {list(values.shape)} crossed the link at {where}")
            raise
        received = self._received(reception, values, where)
        received = torch.where(mask[..., None], received, torch.zeros_like(received))
        return Reception(
            payload=Tokens(received, mask), ok=reception.ok,
            channel_uses=reception.channel_uses, snr_db=reception.snr_db,
        )  # fmt: skip

    def _check(self, values: torch.Tensor, mask: torch.Tensor, where: str) -> None:
        if not values.is_floating_point():
            raise TypeError(f"{where}: {values.dtype} given; tokens are floating-point vectors")
        if self.width is not None and values.shape[-1] != self.width:
            raise ValueError(
                f"{where}: tokens are {values.shape[-1]} wide, but {type(self.link).__name__} carries tokens of"
                f" width {self.width}"
            )
        bad = ~torch.isfinite(values.detach()) & mask[..., None]
        if bool(bad.any()):
            hint = "" if values.dtype != torch.float16 else "; torch.float16 ends at 65504, torch.bfloat16 does not"
            raise ValueError(
                f"{where}: {int(bad.sum())} elements of the tokens to send are NaN or infinite; all must be"
                f" finite{hint}"
            )

    def _received(self, reception: Any, values: torch.Tensor, where: str) -> torch.Tensor:
        payload = getattr(reception, "payload", None)
        if not isinstance(payload, Tokens) or payload.values.shape != values.shape:
            got = list(payload.values.shape) if isinstance(payload, Tokens) else type(payload).__name__
            raise TypeError(
                f"{where}: {type(self.link).__name__} returned {got}; a token link returns tokens of the shape"
                f" sent, {list(values.shape)}"
            )
        received = payload.values.to(values.device)
        largest = torch.finfo(values.dtype).max
        if torch.finfo(received.dtype).max > largest and bool((received.detach().abs() > largest).any()):
            raise ValueError(
                f"{where}: half-precision overflow: a received value of {float(received.detach().abs().max()):.4g}"
                f" does not fit {values.dtype} (largest {largest:.4g}); run the model in torch.bfloat16 or"
                " torch.float32"
            )
        return received.to(values.dtype)

    def _precision(self, values: torch.Tensor) -> torch.dtype:
        """Return the dtype that the link computes in."""
        for parameter in self.link.parameters():
            if parameter.is_floating_point():
                return parameter.dtype
        precision = getattr(getattr(self.link, "air", None), "precision", None)
        if precision is None:
            return torch.float64 if values.dtype == torch.float64 else torch.float32
        return torch.float64 if precision == "double" else torch.float32

    def _device(self, values: torch.Tensor) -> torch.device:
        """Return the device that the link computes on."""
        for parameter in self.link.parameters():
            return parameter.device
        device = getattr(getattr(self.link, "air", None), "device", None)
        return values.device if device is None else torch.device(device)
