"""Transport blocks: CRC, segmentation, coding and rate matching for any payload and any rate."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from math import ceil
from typing import Any

import torch
from sionna.phy import Block
from sionna.phy.fec.crc import CRCEncoder

from ..validation import check_choice, check_finite, check_range, check_shape
from .base import Code
from .registry import check_options, code_class, make_code

CRC_BITS = {"CRC24A": 24, "CRC24B": 24, "CRC24C": 24, "CRC16": 16, "CRC11": 11, "CRC6": 6}
"""Bits of the cyclic redundancy checks of TS 38.212 clause 5.1."""


@lru_cache(maxsize=64)
def _crc_encoder(crc: str, k: int, device: str | None) -> CRCEncoder:
    return CRCEncoder(crc, k=k, precision="single", device=device)


def _parity(crc: str, bits: torch.Tensor, device: str | None) -> torch.Tensor:
    """Return the CRC of bits [batch, k], [batch, CRC bits]."""
    return _crc_encoder(crc, bits.shape[1], device)(bits)[:, bits.shape[1] :]


def _crc_length(crc: str | None) -> int:
    return 0 if crc is None else CRC_BITS[check_choice("crc", crc, CRC_BITS)]


def num_coded_bits(
    *,
    k: int,
    coderate: float,
    code: str,
    crc: str | None = "CRC24A",
    num_bits_per_symbol: int = 1,
    **code_options: Any,
) -> int:
    """Return the coded bits that carry ``k`` payload bits at ``coderate``.

    The rate is payload bits per coded bit, as in TS 38.214 clause 5.1.3.2 and in Sionna: CRC bits are
    not payload, so the code itself works at a slightly higher rate. Where that is above the family's
    top rate, as for a few bits with a long CRC, the result is the fewest coded bits that the family can
    work with.

    Args:
        k: payload bits, at least 1.
        coderate: (0, 1].
        code: name of the family.
        crc: CRC of the transport block, or `None`.
        num_bits_per_symbol: the result is a multiple of this.
        code_options: the family's options.

    Example:
        >>> num_coded_bits(k=1000, coderate=0.5, code="ldpc5g")
        2000
    """
    check_range("k", k, 1, integer=True)
    if check_range("coderate", coderate, 0.0, 1.0) == 0.0:
        raise ValueError("coderate: 0 given; it must be in (0, 1]")
    family, unit = code_class(code), num_bits_per_symbol
    options = check_options(code, code_options)
    n, least = 0, ceil(round(k / coderate, 6))  # 300 / (1/3) must not become 901
    while n < least:
        n = unit * -(-least // unit)
        segments = family.segment(k + _crc_length(crc), n, unit).segments
        blocks = [unit * -(-family.min_n(segment.k, **options) // unit) for segment in segments]
        least = len(blocks) * max(blocks)
    return n


@dataclass(frozen=True)
class CodeBlocks:
    """Successive code blocks with the same code.

    Args:
        count: how many.
        num_bits: transport block bits that each carries.
        code: their code.
    """

    count: int
    num_bits: int
    code: Code


class TransportBlockCoder(Block):
    """Carries ``k`` payload bits in ``n`` coded bits with any code family.

    ```
    payload ─► CRC ─► code blocks ─► CRC24B each ─► code ─► rate matching ─► bit interleaver ─► coded bits
    ```

    Code blocks follow TS 36.212 clause 5.1.2 (Turbo) and TS 38.212 clause 5.2.2 (all others). Rate
    matching fills a block up to what the family needs, punctures, repeats, and combines the LLRs of
    repeated bits; a block above the family's top rate goes uncoded (see :func:`make_code`). Blocks
    with the same code are coded in one call. As a Sionna block, calling it encodes.

    Args:
        code: name of the family, one of :data:`CODES`.
        k: payload bits, at least 1.
        n: coded bits, at least ``k`` and the CRC.
        crc: CRC of the transport block, "CRC24A", "CRC24B", "CRC24C", "CRC16", "CRC11", "CRC6", or `None`.
        backend: whose encoders and decoders run.
        num_bits_per_symbol: bits of a constellation symbol, of which ``n`` and each code block are then
            multiples. For "ldpc5g" this switches on the bit interleaver of TS 38.212 clause 5.4.2.2, which
            puts the first coded bits on the most reliable bits of a symbol; the other families have
            none.
        device: Sionna's.
        code_options: the family's options, such as ``num_iter``.

    Raises:
        ValueError: if payload and CRC exceed ``n``, or for an unknown family, CRC, backend or option.

    Example:
        >>> coder = TransportBlockCoder(code="ldpc5g", k=100, n=300)
        >>> bits = torch.ones(2, 100)
        >>> decoded, ok = coder.decode(20.0 * coder.encode(bits) - 10.0)
        >>> bool((decoded == bits).all()), ok.tolist()
        (True, [True, True])
    """

    def __init__(
        self,
        *,
        code: str,
        k: int,
        n: int,
        crc: str | None = "CRC24A",
        backend: str = "fast",
        num_bits_per_symbol: int = 1,
        device: str | None = None,
        **code_options: Any,
    ) -> None:
        super().__init__(precision="single", device=device)
        self.k = check_range("k", k, 1, integer=True)
        self.n = check_range("n", n, 1, integer=True)
        self.crc, self._length = crc, _crc_length(crc)
        if self.k + self._length > self.n:
            raise ValueError(
                f"n: {n} coded bits given; k = {k} payload bits and {self._length} CRC bits need at least"
                f" {self.k + self._length}"
            )
        family = code_class(code)
        unit = check_range("num_bits_per_symbol", num_bits_per_symbol, 1, integer=True)
        if self.n % unit:
            raise ValueError(f"n: {n} coded bits are no multiple of num_bits_per_symbol = {unit}")
        self._columns = unit if family.interleaves_bits else 1
        segmentation = family.segment(self.k + self._length, self.n, unit)
        self._num_padding_bits = segmentation.num_padding_bits
        self._block_crc = segmentation.crc
        groups = [(segment, len(list(same))) for segment, same in groupby(segmentation.segments)]
        self.code_blocks = tuple(
            CodeBlocks(
                count,
                segment.num_bits,
                make_code(
                    code, k=segment.k, n=segment.n, backend=backend, device=self.device,
                    **code_options, **dict(segment.options),
                ),
            )
            for segment, count in groups
        )  # fmt: skip

    @property
    def num_code_blocks(self) -> int:
        """Code blocks per transport block."""
        return sum(blocks.count for blocks in self.code_blocks)

    @property
    def num_crc_bits(self) -> int:
        """CRC bits of the transport block and its code blocks."""
        return self._length + self.num_code_blocks * _crc_length(self._block_crc)

    @property
    def coderate(self) -> float:
        """Payload bits per coded bit, k / n; CRC bits are overhead."""
        return self.k / self.n

    def encode(self, bits: torch.Tensor, tag: torch.Tensor | None = None) -> torch.Tensor:
        """Encode a batch of payloads.

        Args:
            bits: [batch, k], 0 and 1.
            tag: [batch], torch.int64; a number that sender and receiver must agree on, added to the CRC
                modulo 2 as the receiver's identity is in TS 38.212 clause 7.3.2.

        Returns:
            [batch, n], torch.float32.

        Raises:
            ValueError: for another shape, or values other than 0 and 1.
        """
        check_shape("bits", bits, ("batch", self.k))
        bits = bits.to(device=self.device, dtype=torch.float32)
        if not bool(((bits == 0) | (bits == 1)).all()):
            raise ValueError("bits: values other than 0 and 1 given")
        if len(bits) == 0:
            return bits.new_zeros(0, self.n)
        if self.crc is not None:
            parity = (_parity(self.crc, bits, self.device) + self._mask(tag, len(bits))) % 2
            bits = torch.cat([bits, parity], dim=1)
        padding = bits.new_zeros(len(bits), self._num_padding_bits)
        stream = torch.cat([padding, bits], dim=1)
        return torch.cat([self._encode_blocks(*part) for part in self._parts(stream)], dim=1)

    def call(self, bits: torch.Tensor) -> torch.Tensor:
        """Encode, so that the coder drops into a Sionna graph."""
        return self.encode(bits)

    def decode(self, llr: torch.Tensor, tag: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode a batch of transport blocks.

        Args:
            llr: [batch, n], log p(1)/p(0).
            tag: [batch], torch.int64; as given to :meth:`encode`.

        Returns:
            bits: [batch, k], torch.float32.
            ok: [batch], torch.bool; whether all CRCs hold. A code block of which nothing was received
                (LLR 0 throughout) does not count as correct, though its all-zero decision has a
                valid CRC. All true without any CRC.

        Raises:
            ValueError: for another shape, or LLRs that are not finite.
        """
        check_shape("llr", llr, ("batch", self.n))
        llr = check_finite("llr", llr.to(device=self.device, dtype=torch.float32))
        ok = torch.ones(len(llr), dtype=torch.bool, device=llr.device)
        if len(llr) == 0:
            return llr.new_zeros(0, self.k), ok
        pieces, start = [], 0
        for blocks in self.code_blocks:
            width = blocks.count * blocks.code.n
            bits, valid = self._decode_blocks(llr[:, start : start + width], blocks)
            pieces.append(bits)
            ok &= valid
            start += width
        stream = torch.cat(pieces, dim=1)[:, self._num_padding_bits :]
        bits, received = stream[:, : self.k], stream[:, self.k :]
        if self.crc is not None:
            expected = (_parity(self.crc, bits, self.device) + self._mask(tag, len(bits))) % 2
            ok &= (received == expected).all(dim=1)
        return bits, ok if self.num_crc_bits else torch.ones_like(ok)

    def _mask(self, tag: torch.Tensor | None, batch: int) -> torch.Tensor:
        """Return the tag's bits as wide as the CRC, most significant first."""
        if tag is None:
            return torch.zeros(batch, self._length, device=self.device)
        check_shape("tag", tag, (batch,))
        shifts = torch.arange(self._length - 1, -1, -1, device=self.device)
        return ((tag.to(self.device)[:, None] >> shifts) & 1).to(torch.float32)

    def _parts(self, stream: torch.Tensor) -> list[tuple[torch.Tensor, CodeBlocks]]:
        widths = [blocks.count * blocks.num_bits for blocks in self.code_blocks]
        return list(zip(stream.split(widths, dim=1), self.code_blocks, strict=True))

    def _encode_blocks(self, stream: torch.Tensor, blocks: CodeBlocks) -> torch.Tensor:
        bits = stream.reshape(-1, blocks.num_bits)
        if self._block_crc is not None:
            bits = torch.cat([bits, _parity(self._block_crc, bits, self.device)], dim=1)
        coded = blocks.code.encode(bits)
        coded = coded.reshape(len(coded), self._columns, -1).transpose(1, 2)
        return coded.reshape(len(stream), -1)

    def _decode_blocks(self, llr: torch.Tensor, blocks: CodeBlocks) -> tuple[torch.Tensor, torch.Tensor]:
        batch = len(llr)
        llr = llr.reshape(-1, blocks.code.n)
        llr = llr.reshape(len(llr), -1, self._columns).transpose(1, 2).reshape(len(llr), -1)
        valid = (llr != 0).any(dim=1)
        rows = max(1, blocks.code.bits_per_call // blocks.code.n)
        decoded = torch.cat([blocks.code.decode(part) for part in llr.split(rows)])
        bits, received = decoded[:, : blocks.num_bits], decoded[:, blocks.num_bits :]
        if self._block_crc is not None:
            valid &= (received == _parity(self._block_crc, bits, self.device)).all(dim=1)
        return bits.reshape(batch, -1), valid.reshape(batch, -1).all(dim=1)
