"""Headers of any size, and masks as fields."""

import pytest
import torch

from tokencom.linklevel.air.base import Received
from tokencom.linklevel.side import MaskField, SideHeader, from_bits, to_bits


def heard(symbols):
    return Received(symbols, torch.full(symbols.shape, 0.1), torch.full((len(symbols),), 0.1))


@pytest.mark.parametrize("num_bits", [0, 1, 6, 7, 60, 61, 200])
def test_headers_of_any_size_come_back(num_bits):
    header = SideHeader(num_bits)
    bits = torch.rand(5, num_bits, generator=torch.Generator().manual_seed(num_bits)) < 0.5
    symbols = header.encode(bits)
    assert symbols.shape == (5, header.num_symbols)
    # 16 symbols for 6 bits; only the last of several headers may have bits to spare.
    assert header.num_symbols == 16 * -(-num_bits // 6)
    assert (header.decode(heard(torch.cat([symbols, torch.ones(5, 3)], 1))) == bits).all()


def test_numbers_and_bits():
    values = torch.arange(64)
    assert (from_bits(to_bits(values, 6)) == values).all()
    assert to_bits(torch.tensor([2]), 3).int().tolist() == [[0, 1, 0]]


@pytest.mark.parametrize(("most", "num_bits"), [(1, 1), (2, 2), (3, 2), (4, 3), (63, 6), (64, 7), (255, 8)])
def test_a_length_costs_the_logarithm_and_a_mask_a_bit_per_position(most, num_bits):
    assert MaskField(most, "right").num_bits == MaskField(most, "left").num_bits == num_bits
    assert MaskField(most, "any").num_bits == most


@pytest.mark.parametrize("padding", ["right", "left", "any"])
def test_masks_come_back(padding):
    lengths = torch.tensor([0, 1, 3, 5])
    mask = torch.arange(5) < lengths[:, None]
    mask = mask.flip(1) if padding == "left" else mask
    if padding == "any":
        mask[3] = torch.tensor([True, False, True, False, True])
    field = MaskField(9, padding)
    decoded, possible = field.decode(field.encode(mask), 5)
    assert possible.all()
    assert (decoded == mask).all()


def test_a_field_that_names_more_than_there_is_stands_for_nothing():
    for padding in ("right", "any"):
        field = MaskField(9, padding)
        bits = field.encode(torch.ones(1, 7, dtype=torch.bool))
        mask, possible = field.decode(bits, 4)
        assert not possible.any()
        assert not mask.any()


def test_masks_without_a_word_are_refused():
    mask = torch.tensor([[True, False, True]])
    with pytest.raises(ValueError, match=r"payload.mask: padding is not all on the right"):
        MaskField(5, "right").encode(mask)
    with pytest.raises(ValueError, match=r"payload.mask: 3 tokens given; max_num_tokens is 2"):
        MaskField(2, "any").encode(mask)
    with pytest.raises(ValueError, match="padding: 'rihgt' is not known"):
        MaskField(2, "rihgt")
