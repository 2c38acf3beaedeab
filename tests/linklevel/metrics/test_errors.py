"""Error counts against Sionna's and torchmetrics' rates."""

import math

import pytest
import torch
from sionna.phy.utils import compute_ber, compute_bler, compute_ser

from tokencom.linklevel.metrics import (
    bit_errors,
    block_errors,
    delivered_bits,
    error_rate,
    goodput,
    symbol_errors,
)


def _pair(flip=0.05):
    generator = torch.Generator().manual_seed(1)
    sent = torch.randint(0, 2, (40, 60), generator=generator).float()
    flips = torch.rand(sent.shape, generator=generator) < flip
    return sent, (sent + flips) % 2


def test_rates_are_sionnas():
    sent, received = _pair()
    assert error_rate(bit_errors(sent, received), 60) == pytest.approx(float(compute_ber(sent, received)))
    assert error_rate(block_errors(sent, received), 1) == pytest.approx(float(compute_bler(sent, received)))
    weights = 2.0 ** torch.arange(4)
    symbols = [(x.reshape(40, -1, 4) * weights).sum(-1) for x in (sent, received)]
    rate = error_rate(symbol_errors(sent, received, 4), 15)
    assert rate == pytest.approx(float(compute_ser(*symbols)))


def test_counts_add_up_over_batches():
    sent, received = _pair()
    counts = torch.cat([bit_errors(sent[:7], received[:7]), bit_errors(sent[7:], received[7:])])
    assert torch.equal(counts, bit_errors(sent, received))
    assert counts.dtype == torch.int64


def test_goodput_counts_every_use_and_only_whole_items():
    ok = torch.tensor([True, False, True])
    bits, uses = torch.tensor([100, 200, 300]), torch.tensor([50, 50, 100])
    assert delivered_bits(ok, bits).tolist() == [100, 0, 300]
    assert goodput(ok, bits, uses) == 2.0
    assert math.isnan(error_rate(torch.zeros(0), torch.zeros(0)))


def test_wrong_shapes_are_refused():
    sent = torch.zeros(2, 6)
    with pytest.raises(ValueError, match="received"):
        bit_errors(sent, torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"6 bits .* 4 bits"):
        symbol_errors(sent, sent, 4)
    with pytest.raises(ValueError, match="num_bits_per_symbol"):
        symbol_errors(sent, sent, 0)
