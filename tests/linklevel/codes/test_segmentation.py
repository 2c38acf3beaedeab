"""Code block segmentation against the standards' numbers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sionna.phy.nr.utils import calculate_tb_size

from tokencom.linklevel.codes import code_class, transport_block_size
from tokencom.linklevel.codes.segmentation import split_coded_bits
from tokencom.linklevel.codes.turbo import SIZES


@settings(max_examples=200, deadline=None)
@given(b=st.integers(1, 200_000), rate=st.floats(0.1, 0.93))
def test_turbo_blocks_follow_36212(b, rate):
    segmentation = code_class("turbo").segment(b, int(b / rate))
    z, crc = 6144, 24
    blocks, extra = (1, 0) if b <= z else (-(-b // (z - crc)), crc)
    total = b + blocks * extra
    plus = min(size for size in SIZES if blocks * size >= total)
    minus = max((size for size in SIZES if size < plus), default=0)
    num_minus = 0 if blocks == 1 else (blocks * plus - total) // (plus - minus)
    fillers = (blocks - num_minus) * plus + num_minus * minus - total
    sizes = [minus] * num_minus + [plus] * (blocks - num_minus)
    assert len(segmentation.segments) == blocks
    assert segmentation.num_padding_bits == 0
    for r, segment in enumerate(segmentation.segments):
        assert segment.k == sizes[r] - (fillers if r == 0 else 0)
        assert segment.num_bits == segment.k - extra
        assert blocks == 1 or dict(segment.options) == {"size": sizes[r]}
    assert sum(segment.num_bits for segment in segmentation.segments) == b
    assert sum(segment.n for segment in segmentation.segments) == int(b / rate)


@settings(max_examples=200, deadline=None)
@given(b=st.integers(1, 200_000), rate=st.floats(0.05, 0.95))
def test_ldpc_blocks_follow_38212(b, rate):
    n = int(b / rate)
    segmentation = code_class("ldpc5g").segment(b, n)
    k_cb = 3840 if 4 * b <= n else 8448
    blocks = 1 if b <= k_cb else -(-b // (k_cb - 24))
    assert len(segmentation.segments) == blocks
    carried = sum(segment.num_bits for segment in segmentation.segments)
    assert carried == b + segmentation.num_padding_bits
    assert segmentation.num_padding_bits < blocks
    assert {segment.k - segment.num_bits for segment in segmentation.segments} == {24 if blocks > 1 else 0}
    assert max(segment.k for segment in segmentation.segments) <= k_cb


@pytest.mark.parametrize(
    ("b", "n", "blocks"),
    [(359, 3000, 1), (360, 1087, 1), (360, 1088, 2), (1013, 1050, 1), (1014, 1060, 2), (3000, 3100, 3)],
)
def test_polar_blocks_follow_38212(b, n, blocks):
    segmentation = code_class("polar5g").segment(b, n)
    assert len(segmentation.segments) == blocks
    assert segmentation.crc is None
    assert all(segment.k <= 1013 for segment in segmentation.segments)


@given(n=st.integers(1, 10_000), blocks=st.integers(1, 20), unit=st.sampled_from([1, 2, 4, 6, 8]))
def test_coded_bits_are_shared_in_units(n, blocks, unit):
    n *= unit
    shares = split_coded_bits(n, blocks, unit)
    g, gamma = n // unit, n // unit % blocks
    assert shares == [unit * (g // blocks if r <= blocks - gamma - 1 else -(-g // blocks)) for r in range(blocks)]


def test_a_share_that_is_no_multiple():
    with pytest.raises(ValueError, match="num_bits_per_symbol = 4"):
        split_coded_bits(10, 2, 4)


@pytest.mark.parametrize("coderate", [0.2, 0.5, 0.9])
def test_transport_block_sizes_are_the_smallest_that_the_standard_has(coderate):
    """All sizes that the forward rule of TS 38.214 gives, by Sionna, against the choice made here."""
    targets = torch.arange(24, 60_000)
    sizes = calculate_tb_size(
        modulation_order=torch.full(targets.shape, 2), target_coderate=coderate, target_tb_size=targets,
        num_coded_bits=torch.full(targets.shape, 1000), return_cw_length=False,
    )[0].unique()  # fmt: skip
    for bits in [*range(3825), *range(3825, 50_000, 13), 4096, 4097, 8192, 8193, 16384, 16385]:
        smallest = int(sizes[torch.searchsorted(sizes, bits)])
        assert transport_block_size(bits, coderate) == smallest
