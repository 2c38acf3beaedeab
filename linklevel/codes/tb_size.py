"""Transport block sizes of 5G NR."""

from bisect import bisect_left
from math import ceil, log2

from ..validation import check_range

SMALL_SIZES = (
    24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 136, 144, 152, 160, 168, 176, 184, 192,
    208, 224, 240, 256, 272, 288, 304, 320, 336, 352, 368, 384, 408, 432, 456, 480, 504, 528, 552, 576,
    608, 640, 672, 704, 736, 768, 808, 848, 888, 928, 984, 1032, 1064, 1128, 1160, 1192, 1224, 1256,
    1288, 1320, 1352, 1416, 1480, 1544, 1608, 1672, 1736, 1800, 1864, 1928, 2024, 2088, 2152, 2216, 2280,
    2408, 2472, 2536, 2600, 2664, 2728, 2792, 2856, 2976, 3104, 3240, 3368, 3496, 3624, 3752, 3824,
)  # fmt: skip
"""TS 38.214 table 5.1.3.2-1."""


def transport_block_size(num_bits: int, coderate: float) -> int:
    r"""Return the smallest transport block size of 5G NR that holds ``num_bits``.

    Sizes up to 3824 bits are those of TS 38.214 table 5.1.3.2-1. Above, step 4 of clause 5.1.3.2
    quantises the information bits to :math:`N'_{info} = 2^n j` with :math:`32 \le j \le 64`, and the size
    makes all :math:`C` code blocks equal:

    .. math:: TBS = 8C \left\lceil \frac{N'_{info} + 24}{8C} \right\rceil - 24

    Args:
        num_bits: payload bits, at least 0.
        coderate: rates up to 1/4 have smaller code blocks.

    Returns:
        A multiple of 8, at least 24.

    Example:
        >>> transport_block_size(200, 0.5)
        208
        >>> transport_block_size(10000, 0.5)
        10248
    """
    check_range("num_bits", num_bits, 0, integer=True)
    if num_bits <= SMALL_SIZES[-1]:
        return SMALL_SIZES[bisect_left(SMALL_SIZES, num_bits)]
    step = 2 ** (ceil(log2(num_bits)) - 6)
    info = max(3840, num_bits // step * step)
    size = _large_size(info, coderate)
    return size if size >= num_bits else _large_size(info + step, coderate)


def _large_size(info: int, coderate: float) -> int:
    """Return the size that step 4 makes of the quantised number of information bits."""
    largest = 3816 if coderate <= 0.25 else 8424
    count = ceil((info + 24) / largest) if info > 8424 or coderate <= 0.25 else 1
    return 8 * count * ceil((info + 24) / (8 * count)) - 24
