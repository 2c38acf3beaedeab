"""Splitting of transport blocks into code blocks, and of coded bits among them."""

from dataclasses import dataclass
from typing import Any

CODE_BLOCK_CRC = "CRC24B"
CODE_BLOCK_CRC_BITS = 24


@dataclass(frozen=True)
class Segment:
    """One code block.

    Args:
        num_bits: bits of the transport block that it carries.
        k: its information bits, with its own CRC.
        n: its coded bits.
        options: options that this block's code needs, as sorted (name, value) pairs.
    """

    num_bits: int
    k: int
    n: int
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Segmentation:
    """How a transport block is carried.

    Args:
        segments: the code blocks in order.
        num_padding_bits: known zeros put before the transport block so that all blocks are equal.
        crc: CRC of each code block, if any.
    """

    segments: tuple[Segment, ...]
    num_padding_bits: int = 0
    crc: str | None = None


def split_coded_bits(n: int, num_blocks: int, unit: int = 1) -> list[int]:
    r"""Share ``n`` coded bits among code blocks, TS 38.212 clause 5.4.2.1 (TS 36.212, 5.1.4.1.2).

    The first blocks get :math:`\lfloor n'/C \rfloor` units, the last ones :math:`\lceil n'/C \rceil`,
    where a unit is the bits of one constellation symbol over all layers.

    Raises:
        ValueError: if ``n`` is no multiple of ``unit``.

    Example:
        >>> split_coded_bits(10, 3)
        [3, 3, 4]
    """
    if n % unit:
        raise ValueError(f"n: {n} coded bits are no multiple of num_bits_per_symbol = {unit}")
    low, more = divmod(n // unit, num_blocks)
    return [unit * low] * (num_blocks - more) + [unit * (low + 1)] * more


def equal_segments(num_bits: int, n: int, max_k: int | None, unit: int = 1, crc: bool = True) -> Segmentation:
    """Split into equal blocks of at most ``max_k`` information bits, TS 38.212 clause 5.2.2.

    Where the standard's transport block sizes make the blocks equal, here zeros in front do.

    Args:
        num_bits: bits of the transport block with its CRC.
        n: coded bits of the transport block.
        max_k: largest block; `None` for no limit.
        unit: each block gets a multiple of this many coded bits.
        crc: whether the blocks get a CRC24B when there is more than one.
    """
    if max_k is None or num_bits <= max_k:
        return Segmentation((Segment(num_bits, num_bits, n),))
    length = CODE_BLOCK_CRC_BITS if crc else 0
    count = -(-num_bits // (max_k - length))
    each = -(-num_bits // count)
    segments = tuple(Segment(each, each + length, e) for e in split_coded_bits(n, count, unit))
    return Segmentation(segments, each * count - num_bits, CODE_BLOCK_CRC if crc else None)
