"""Viterbi decoder: Sionna's and CommPy's decisions, the definition by exhaustive search, input checks."""

import itertools
import math
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import fisher_exact
from sionna.phy.fec.conv import ConvEncoder
from sionna.phy.fec.conv import ViterbiDecoder as SionnaViterbiDecoder

from tokencom.linklevel.fec.viterbi import ViterbiDecoder

CODES = [
    {"rate": 1 / 2, "constraint_length": 7},
    {"rate": 1 / 3, "constraint_length": 8},
    {"rate": 1 / 2, "constraint_length": 3, "rsc": True},
    {"gen_poly": ("10110", "11010", "11100", "10000")},
    {"gen_poly": ("1100", "1010"), "rsc": True},
]


def received(encoder, k, num_frames, ebno_db, seed=1):
    """Bits, codeword and channel LLRs of BPSK over AWGN."""
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (num_frames, k), generator=generator).float()
    codeword = encoder(bits)
    no = codeword.shape[-1] / (10 ** (ebno_db / 10) * k)
    noise = torch.randn(codeword.shape, generator=generator) * math.sqrt(no / 2)
    return bits, codeword, 4 * (2 * codeword - 1 + noise) / no


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # Sionna's, about lengths unknown before the first call
        yield


@pytest.mark.parametrize("terminate", [True, False])
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("method", ["soft_llr", "hard"])
def test_same_decisions_as_sionna_at_high_bler(code, terminate, method):
    """Ties too: with hard inputs many paths are equally likely."""
    encoder = ConvEncoder(**code, terminate=terminate)
    _, _, llr = received(encoder, 60, 40, 2.0)
    given = llr if method == "soft_llr" else (llr > 0).float()
    ours = ViterbiDecoder(encoder=encoder, method=method)(given)
    theirs = SionnaViterbiDecoder(encoder=encoder, method=method)(given)
    assert (ours != theirs).any(-1).float().mean() <= (0.03 if method == "soft_llr" else 0)


def test_same_decisions_as_sionna_at_low_bler():
    encoder = ConvEncoder(rate=1 / 2, constraint_length=7, terminate=True)
    bits, _, llr = received(encoder, 64, 2000, 5.5)
    ours, theirs = ViterbiDecoder(encoder=encoder)(llr), SionnaViterbiDecoder(encoder=encoder)(llr)
    assert (theirs != bits).any(-1).float().mean() <= 2e-3
    assert (ours == theirs).all(-1).float().mean() >= 0.999


def test_finds_the_most_likely_codeword():
    encoder = ConvEncoder(rate=1 / 2, constraint_length=4, terminate=True)
    _, _, llr = received(encoder, 8, 50, -2.0)
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=8)))
    best = (llr @ (2 * encoder(every) - 1).T).argmax(-1)
    assert torch.equal(ViterbiDecoder(encoder=encoder)(llr), every[best])


@pytest.mark.parametrize("rsc", [False, True])
def test_codeword_bits(rsc):
    encoder = ConvEncoder(rate=1 / 3, constraint_length=4, rsc=rsc, terminate=True)
    _, codeword, llr = received(encoder, 30, 20, 6.0)
    decoder = ViterbiDecoder(encoder=encoder, return_info_bits=False)
    assert torch.equal(decoder(llr), codeword)


def test_known_bits_hold_and_do_not_drown_the_others():
    encoder = ConvEncoder(rate=1 / 2, constraint_length=7, terminate=True)
    _, codeword, llr = received(encoder, 100, 200, 3.0)
    decoder, whole = ViterbiDecoder(encoder=encoder), ViterbiDecoder(encoder=encoder, return_info_bits=False)
    known = llr.clone()
    known[:, ::5] = torch.where(codeword[:, ::5] > 0, math.inf, -math.inf)
    assert torch.equal(whole(known)[:, ::5], codeword[:, ::5])
    certain = torch.where(known.isinf(), known.sign() * 500, known)
    assert torch.equal(decoder(known), decoder(certain))


def test_input_checks():
    encoder = ConvEncoder(rate=1 / 2, constraint_length=5, terminate=True)
    bits, _, llr = received(encoder, 40, 21, 6.0)
    decoder = ViterbiDecoder(rate=1 / 2, constraint_length=5, terminate=True)
    assert torch.equal(decoder(llr), bits)
    assert torch.equal(decoder(llr.double()), bits)
    assert torch.equal(decoder(torch.stack([llr, llr], -1)[..., 1]), bits)
    assert torch.equal(decoder(llr.reshape(3, 7, -1)), bits.reshape(3, 7, -1))
    assert torch.equal(decoder(llr[0]), bits[0])
    assert decoder(llr[:0]).shape == (0, 40)
    assert decoder(llr[:, :60]).shape == (21, 26)
    with pytest.raises(ValueError, match="NaN"):
        decoder(llr.index_fill(1, torch.tensor([3]), math.nan))
    with pytest.raises(ValueError, match="divisible"):
        decoder(llr[:, :-1])
    with pytest.raises(ValueError, match="no information bit"):
        decoder(llr[:, :8])


def test_same_bits_for_any_number_of_threads():
    encoder = ConvEncoder(rate=1 / 2, constraint_length=5)
    _, _, llr = received(encoder, 50, 100, 0.0)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append(ViterbiDecoder(encoder=encoder)(llr))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*results)


def test_double_precision_and_codes_without_memory_go_to_sionna():
    encoder = ConvEncoder(rate=1 / 2, constraint_length=3, precision="double")
    assert ViterbiDecoder(encoder=encoder, precision="double")(torch.randn(2, 20)).dtype == torch.float64
    wide = ("11",) * 9
    assert ViterbiDecoder(gen_poly=wide)(torch.randn(2, 90)).shape == (2, 10)


def test_error_rate_of_commpy():
    """Error rates agree; CommPy cuts its memory short, so single frames may differ."""
    commpy = pytest.importorskip("commpy.channelcoding")
    num_frames, k = 60, 50
    encoder = ConvEncoder(gen_poly=("101", "111"), terminate=True)
    trellis = commpy.Trellis(np.array([2]), np.array([[5, 7]]))
    bits, _, llr = received(encoder, k, num_frames, 2.0, seed=5)
    ours = ViterbiDecoder(encoder=encoder)(llr).numpy()
    theirs = np.array(
        [
            commpy.viterbi_decode(frame, trellis, tb_depth=25, decoding_type="unquantized")[:k]
            for frame in np.tanh(llr.double().numpy() / 4)
        ]
    )
    errors = [int((decided != bits.numpy()).any(1).sum()) for decided in (ours, theirs)]
    assert 3 < errors[1] < 57
    assert fisher_exact([[e, num_frames - e] for e in errors]).pvalue > 1e-4
