"""BCJR decoder: the definition by exhaustive sums, Sionna's LLRs, priors, input checks."""

import itertools
import math
import warnings

import pytest
import torch
from sionna.phy.fec.conv import BCJRDecoder as SionnaBCJRDecoder
from sionna.phy.fec.conv import ConvEncoder

from tokencom.linklevel.fec.bcjr import BCJRDecoder

ALGORITHMS = ["map", "log", "maxlog"]


def received(encoder, k, num_frames, ebno_db, seed=1):
    """Bits and channel LLRs of BPSK over AWGN."""
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (num_frames, k), generator=generator).float()
    codeword = encoder(bits)
    no = codeword.shape[-1] / (10 ** (ebno_db / 10) * k)
    noise = torch.randn(codeword.shape, generator=generator) * math.sqrt(no / 2)
    return bits, 4 * (2 * codeword - 1 + noise) / no


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


@pytest.mark.parametrize("terminate", [True, False])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    "code",
    [
        {"rate": 1 / 2, "constraint_length": 6},
        {"rate": 1 / 3, "constraint_length": 4},
        {"rate": 1 / 2, "constraint_length": 4, "rsc": True},
        {"gen_poly": ("10110", "11010", "11100", "10000")},
    ],
)
def test_llr_equals_sionna(code, algorithm, terminate):
    encoder = ConvEncoder(**code, terminate=terminate)
    _, llr = received(encoder, 70, 20, 2.0)
    prior = torch.randn(20, llr.shape[-1] // encoder._conv_n)
    options = {"hard_out": False, "algorithm": algorithm}
    ours, theirs = BCJRDecoder(encoder, **options), SionnaBCJRDecoder(encoder, **options)
    for llr_a in (None, prior):
        assert torch.allclose(ours(llr, llr_a=llr_a), theirs(llr, llr_a=llr_a), atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_llr_by_definition(algorithm):
    encoder = ConvEncoder(rate=1 / 2, constraint_length=4, terminate=True)
    _, llr = received(encoder, 7, 30, -1.0)
    prior = torch.randn(30, 7)
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=7)))
    metric = llr.double() @ encoder(every).double().T + prior.double() @ every.double().T
    fold = torch.amax if algorithm == "maxlog" else torch.logsumexp
    one, zero = (torch.stack([fold(metric[:, every[:, bit] == value], -1) for bit in range(7)], -1) for value in (1, 0))
    ours = BCJRDecoder(encoder, hard_out=False, algorithm=algorithm)(llr, llr_a=prior)
    assert torch.allclose(ours.double(), one - zero, atol=1e-3)


def test_long_frames_cross_many_windows():
    encoder = ConvEncoder(rate=1 / 2, constraint_length=3)
    bits, llr = received(encoder, 2000, 3, 8.0)
    for algorithm in ALGORITHMS:
        assert torch.equal(BCJRDecoder(encoder, algorithm=algorithm)(llr), bits)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_known_bits(algorithm):
    encoder = ConvEncoder(rate=1 / 2, constraint_length=4, rsc=True, terminate=True)
    bits, llr = received(encoder, 40, 20, 0.0)
    llr[:, 0:40:2] = torch.where(bits[:, :20] > 0, math.inf, -math.inf)
    out = BCJRDecoder(encoder, hard_out=False, algorithm=algorithm)(llr)
    assert bool(out.isfinite().all())
    assert torch.equal(out[:, :20] > 0, bits[:, :20] > 0)


def test_input_checks():
    encoder = ConvEncoder(rate=1 / 2, constraint_length=4, terminate=True)
    bits, llr = received(encoder, 40, 12, 7.0)
    decoder = BCJRDecoder(encoder)
    prior = torch.zeros(12, 40)
    assert torch.equal(decoder(llr), bits)
    assert torch.equal(decoder(llr.double(), llr_a=prior), bits)
    assert torch.equal(decoder(llr.reshape(3, 4, -1), llr_a=prior.reshape(3, 4, -1)), bits.reshape(3, 4, -1))
    assert decoder(llr[:0]).shape == (0, 40)
    with pytest.raises(ValueError, match="NaN"):
        decoder(llr.index_fill(1, torch.tensor([3]), math.nan))
    with pytest.raises(ValueError, match="NaN"):
        decoder(llr, llr_a=prior * math.nan)
    with pytest.raises(ValueError, match="multiple of 2"):
        decoder(llr[:, :-1])
    with pytest.raises(ValueError, match="llr_a"):
        decoder(llr, llr_a=prior[:, :-1])
    with pytest.raises(ValueError, match="frames"):
        decoder(llr, llr_a=prior[:5])


def test_gradients_go_to_sionna():
    encoder = ConvEncoder(rate=1 / 2, constraint_length=3)
    llr = torch.randn(2, 20, requires_grad=True)
    BCJRDecoder(encoder, hard_out=False)(llr).sum().backward()
    assert llr.grad is not None
