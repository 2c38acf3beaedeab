"""QAM mapper and demapper: Sionna's symbols and LLRs, input checks."""

import math

import pytest
import torch
from sionna.phy.mapping import Constellation, Demapper, Mapper

from tokencom.linklevel.fec.qam import QAMDemapper, QAMMapper


def symbols(num_bits_per_symbol, no, shape=(3, 5, 40), seed=1):
    """Bits and noisy symbols."""
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (*shape[:-1], shape[-1] * num_bits_per_symbol), generator=generator).float()
    x = Mapper("qam", num_bits_per_symbol)(bits)
    return bits, x + math.sqrt(no) * torch.randn(x.shape, dtype=x.dtype, generator=generator)


@pytest.mark.parametrize("num_bits_per_symbol", [2, 4, 6, 8])
@pytest.mark.parametrize("method", ["app", "maxlog"])
@pytest.mark.parametrize("no", [1.0, 0.1, 1e-3])
def test_llr_equals_sionna(num_bits_per_symbol, method, no):
    """To float32 rounding of the largest distance, and 2e-6 for each logarithm of a sum."""
    _, y = symbols(num_bits_per_symbol, no)
    ours = QAMDemapper(method, "qam", num_bits_per_symbol)(y, no)
    theirs = Demapper(method, "qam", num_bits_per_symbol)(y, no)
    assert ours.shape == theirs.shape
    assert torch.allclose(ours, theirs, rtol=2e-5, atol=2e-5 * max(1, 0.02 / no))


@pytest.mark.parametrize("shape", [(40,), (5, 1), (3, 1, 40), (3, 5, 40), ()])
def test_noise_variance_broadcasts(shape):
    _, y = symbols(4, 0.1)
    no = 0.05 + torch.rand(shape)
    ours, theirs = QAMDemapper("app", "qam", 4)(y, no), Demapper("app", "qam", 4)(y, no)
    assert torch.allclose(ours, theirs, rtol=2e-5, atol=2e-5)


def test_hard_decisions_and_no_noise():
    bits, y = symbols(6, 0.0)
    assert torch.equal(QAMDemapper("app", "qam", 6, hard_out=True)(y, 0.1), bits)
    llr = QAMDemapper("app", "qam", 6)(y, 0.0)
    assert bool(llr.isfinite().all())
    assert torch.equal((llr > 0).float(), bits)


def test_other_uses_go_to_sionna():
    bits, y = symbols(4, 0.1, shape=(2, 10))
    prior = torch.randn(4)
    assert torch.equal(QAMDemapper("app", "qam", 4)(y, 0.1, prior), Demapper("app", "qam", 4)(y, 0.1, prior))
    points = torch.exp(2j * math.pi * torch.arange(8) / 8)
    psk = Constellation("custom", 3, points=points)
    z = QAMMapper(constellation=psk)(bits[:, :39])
    assert torch.equal(z, Mapper(constellation=psk)(bits[:, :39]))
    both = [block("app", constellation=psk)(z, 0.1) for block in (QAMDemapper, Demapper)]
    assert torch.equal(*both)
    y.requires_grad_()
    QAMDemapper("app", "qam", 4)(y, 0.1).sum().backward()
    assert y.grad is not None
    assert QAMDemapper("app", "qam", 4, precision="double")(y.detach(), 0.1).dtype == torch.float64


def test_demapper_input_checks():
    demapper = QAMDemapper("app", "qam", 4)
    _, y = symbols(4, 0.1)
    assert demapper(y[:0], 0.1).shape == (0, 5, 160)
    assert torch.equal(demapper(y.mT, 0.1), demapper(y.mT.contiguous(), 0.1))
    assert torch.equal(demapper(y.to(torch.complex128), 0.1), demapper(y, 0.1))
    with pytest.raises(ValueError, match="y: 1 of 600"):
        demapper(torch.where(torch.arange(600).reshape(3, 5, 40) == 7, complex(math.nan, 0), y), 0.1)
    with pytest.raises(ValueError, match="no: 1 of 1"):
        demapper(y, math.nan)
    with pytest.raises(ValueError, match="no: shape"):
        demapper(y, torch.ones(7))
    with pytest.raises(ValueError, match="complex"):
        demapper(y.real, 0.1)
    with pytest.raises(ValueError, match="demapping_method"):
        QAMDemapper("max-log", "qam", 4)


@pytest.mark.parametrize("num_bits_per_symbol", [2, 4, 6, 8])
def test_mapper_equals_sionna(num_bits_per_symbol):
    bits, _ = symbols(num_bits_per_symbol, 0.1)
    ours, our_labels = QAMMapper("qam", num_bits_per_symbol, return_indices=True)(bits)
    theirs, their_labels = Mapper("qam", num_bits_per_symbol, return_indices=True)(bits)
    assert torch.equal(ours, theirs)
    assert torch.equal(our_labels, their_labels)
    assert our_labels.dtype == torch.int32
    assert torch.equal(QAMMapper("qam", num_bits_per_symbol)(bits.int()), theirs)


def test_mapper_input_checks():
    mapper = QAMMapper("qam", 4)
    assert mapper(torch.zeros(0, 8)).shape == (0, 2)
    for bad in (0.5, 2.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="neither 0 nor 1"):
            mapper(torch.full((8,), bad))
    with pytest.raises(ValueError, match="multiples of 4"):
        mapper(torch.zeros(2, 7))
