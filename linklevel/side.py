"""Side information: fields of bits in a header, and the mask of an item's tokens as such a field."""

import torch

from .air.base import Received
from .control import ControlHeader
from .validation import check_choice, check_range, check_shape

PART_BITS = 60
"""Bits that one control header carries at most."""

PADDING = ("right", "left", "any")
"""Where the padding of a batch is: behind the tokens, before them, or anywhere."""


def to_bits(values: torch.Tensor, num_bits: int) -> torch.Tensor:
    """Write numbers in binary, most significant bit first.

    Args:
        values: [...], torch.int64, in [0, 2**num_bits).
        num_bits: bits of each.

    Returns:
        [..., num_bits], torch.bool.

    Example:
        >>> to_bits(torch.tensor(6), 4).int().tolist()
        [0, 1, 1, 0]
    """
    shifts = torch.arange(num_bits - 1, -1, -1, device=values.device)
    return ((values[..., None] >> shifts) & 1).bool()


def from_bits(bits: torch.Tensor) -> torch.Tensor:
    """Read numbers in binary: the inverse of :func:`to_bits`, [...], torch.int64."""
    shifts = torch.arange(bits.shape[-1] - 1, -1, -1, device=bits.device)
    return (bits.long() << shifts).sum(dim=-1)


class SideHeader:
    """Any number of bits in control headers of at most 60 bits, one after the other.

    Args:
        num_bits: bits of the header; 0 for none.
        num_repetitions: times that every block is sent.
        precision: Sionna's.
        device: Sionna's.

    Example:
        >>> header = SideHeader(100)
        >>> header.num_symbols
        272
    """

    def __init__(
        self, num_bits: int, *, num_repetitions: int = 1, precision: str | None = None, device: str | None = None
    ) -> None:
        self.num_bits = check_range("num_bits", num_bits, 0, integer=True)
        sizes = [PART_BITS] * (self.num_bits // PART_BITS)
        if self.num_bits % PART_BITS:
            sizes.append(self.num_bits % PART_BITS)
        headers = {
            size: ControlHeader(size, num_repetitions=num_repetitions, precision=precision, device=device)
            for size in set(sizes)
        }
        self._parts = [headers[size] for size in sizes]

    @property
    def num_symbols(self) -> int:
        """Symbols of the header."""
        return sum(part.num_symbols for part in self._parts)

    def encode(self, bits: torch.Tensor) -> torch.Tensor:
        """Return the symbols of bits [batch, num_bits], torch.bool: [batch, num_symbols], complex, unit energy."""
        check_shape("bits", bits, ("batch", self.num_bits))
        fields = bits.split([part.num_bits for part in self._parts], dim=1) if self._parts else ()
        parts = [part.encode(from_bits(field)) for part, field in zip(self._parts, fields, strict=True)]
        return torch.cat(parts, dim=1) if parts else torch.zeros(len(bits), 0, dtype=torch.complex64)

    def decode(self, received: Received) -> torch.Tensor:
        """Return the most likely bits, [batch, num_bits], torch.bool; the header's symbols come first."""
        received = Received(received.symbols.detach(), received.no_eff.detach(), received.no)
        start, fields = 0, [torch.zeros(len(received.symbols), 0, dtype=torch.bool, device=received.symbols.device)]
        for part in self._parts:
            fields.append(to_bits(part.decode(cut(received, start)), part.num_bits))
            start += part.num_symbols
        return torch.cat(fields, dim=1)


def cut(received: Received, start: int) -> Received:
    """Return what was received from symbol ``start`` on."""
    return Received(received.symbols[:, start:], received.no_eff[:, start:], received.no)


class MaskField:
    """Says which positions of a padded batch hold tokens.

    With padding on one side only the number of tokens is sent, ceil(log2(max_num_tokens + 1)) bits: on
    which side a batch is padded says nothing about an item. A mask with holes costs a bit for each of
    ``max_num_tokens`` positions.

    Args:
        max_num_tokens: most tokens that an item may have; both sides know it.
        padding: "right", "left" or "any".

    Example:
        >>> field = MaskField(63, "right")
        >>> field.num_bits, field.decode(field.encode(torch.tensor([[True, True, False]])), 3)[0].tolist()
        (6, [[True, True, False]])
    """

    def __init__(self, max_num_tokens: int, padding: str) -> None:
        self.max_num_tokens = check_range("max_num_tokens", max_num_tokens, 1, 2**20, integer=True)
        self.padding = check_choice("padding", padding, PADDING)

    @property
    def num_bits(self) -> int:
        """Bits of the field."""
        return self.max_num_tokens if self.padding == "any" else self.max_num_tokens.bit_length()

    def check(self, mask: torch.Tensor) -> None:
        """Refuse a mask that the field has no words for.

        Raises:
            ValueError: for too many tokens, or padding on another side than agreed.
        """
        most = mask.shape[1] if self.padding == "any" else int(mask.sum(1).max()) if mask.numel() else 0
        if most > self.max_num_tokens:
            raise ValueError(f"payload.mask: {most} tokens given; max_num_tokens is {self.max_num_tokens}")
        if self.padding != "any" and bool((mask != self._run(mask.sum(1), mask.shape[1])).any()):
            raise ValueError(
                f"payload.mask: padding is not all on the {self.padding}; set padding to the side it is on, or to"
                " 'any', which sends one bit per position"
            )

    def encode(self, mask: torch.Tensor) -> torch.Tensor:
        """Return the field of masks [batch, num_tokens]: [batch, num_bits], torch.bool."""
        self.check(mask)
        if self.padding == "any":
            return torch.nn.functional.pad(mask, (0, self.max_num_tokens - mask.shape[1]))
        return to_bits(mask.sum(1), self.num_bits)

    def decode(self, bits: torch.Tensor, num_tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the masks that fields stand for, and which of them are possible.

        Args:
            bits: [batch, num_bits], torch.bool.
            num_tokens: positions there are; a field that names more stands for an empty item.

        Returns:
            [batch, num_tokens], torch.bool, and [batch], torch.bool.
        """
        if self.padding == "any":
            possible = ~bits[:, num_tokens:].any(dim=1)
            mask = bits[:, :num_tokens]
            return torch.nn.functional.pad(mask, (0, num_tokens - mask.shape[1])) & possible[:, None], possible
        count = from_bits(bits)
        possible = count <= num_tokens
        return self._run(count * possible, num_tokens), possible

    def _run(self, count: torch.Tensor, num_tokens: int) -> torch.Tensor:
        """Return masks of ``count`` tokens on the side that is not padded."""
        place = torch.arange(num_tokens, device=count.device)
        if self.padding == "left":
            place = place.flip(0)
        return place < count[:, None]
