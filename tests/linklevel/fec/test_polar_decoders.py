"""Polar decoders: Sionna's decisions and CRC status, rate matching, input checks."""

import math
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import fisher_exact
from sionna.phy.fec.crc import CRCEncoder
from sionna.phy.fec.polar import Polar5GDecoder as SionnaPolar5GDecoder
from sionna.phy.fec.polar import Polar5GEncoder, PolarEncoder
from sionna.phy.fec.polar import PolarSCDecoder as SionnaPolarSCDecoder
from sionna.phy.fec.polar import PolarSCLDecoder as SionnaPolarSCLDecoder
from sionna.phy.fec.polar.utils import generate_5g_ranking

from tokencom.linklevel.fec.polar import Polar5GDecoder, PolarSCDecoder, PolarSCLDecoder
from tokencom.linklevel.fec.polar_schedule import RATE1, schedule, transform, transpose_transform


def received(encoder, k, num_frames, ebno_db, seed=1, crc=None):
    """Bits and channel LLRs of BPSK over AWGN."""
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (num_frames, k - (crc.crc_length if crc else 0)), generator=generator).float()
    bits = crc(bits) if crc else bits
    codeword = encoder(bits)
    no = codeword.shape[-1] / (10 ** (ebno_db / 10) * k)
    noise = torch.randn(codeword.shape, generator=generator) * math.sqrt(no / 2)
    return bits, 4 * (2 * codeword - 1 + noise) / no


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Sionna's advice against SC decoding
        yield


def code(k, n):
    """The 5G ranking; it knows no n below 32, where positions of low Reed-Muller weight are frozen."""
    weights = [(i.bit_count(), i) for i in range(n)]
    frozen = np.sort([i for _, i in sorted(weights)[: n - k]]).astype(int) if n < 32 else generate_5g_ranking(k, n)[0]
    return frozen, PolarEncoder(frozen, n)


@pytest.mark.parametrize(("k", "n"), [(32, 64), (100, 128), (64, 256), (1, 8), (8, 8), (2, 2)])
def test_cancellation_equals_sionna(k, n):
    frozen, encoder = code(k, n)
    _, llr = received(encoder, k, 100, 1.0)
    ours, theirs = PolarSCDecoder(frozen, n)(llr), SionnaPolarSCDecoder(frozen, n)(llr)
    assert (ours != theirs).any(-1).float().mean() <= 0.02


@pytest.mark.parametrize("list_size", [1, 2, 4, 8, 16, 32])
@pytest.mark.parametrize(("k", "n"), [(32, 64), (1, 16), (15, 16), (16, 16), (1, 2)])
def test_list_equals_sionna(list_size, k, n):
    frozen, encoder = code(k, n)
    _, llr = received(encoder, k, 50, 1.0)
    ours, theirs = PolarSCLDecoder(frozen, n, list_size)(llr), SionnaPolarSCLDecoder(frozen, n, list_size)(llr)
    assert (ours != theirs).any(-1).float().mean() <= 0.02


def test_list_equals_sionna_at_low_bler():
    frozen, encoder = code(32, 64)
    bits, llr = received(encoder, 32, 2000, 4.5)
    ours, theirs = PolarSCLDecoder(frozen, 64, 8)(llr), SionnaPolarSCLDecoder(frozen, 64, 8)(llr)
    assert (theirs != bits).any(-1).float().mean() <= 2e-3
    assert (ours == theirs).all(-1).float().mean() >= 0.999


def test_bler_of_sionna_where_it_is_high():
    frozen, encoder = code(64, 128)
    bits, llr = received(encoder, 64, 300, 1.0)
    ours, theirs = (decoder(frozen, 128, 8)(llr) for decoder in (PolarSCLDecoder, SionnaPolarSCLDecoder))
    errors = [int((decided != bits).any(-1).sum()) for decided in (ours, theirs)]
    assert min(errors) > 10
    assert fisher_exact([[e, 300 - e] for e in errors]).pvalue > 1e-4


@pytest.mark.parametrize("list_size", [4, 32])
@pytest.mark.parametrize("interleaved", [False, True])
def test_crc_aided_list_equals_sionna(list_size, interleaved):
    frozen, encoder = code(40, 64)
    order = np.random.default_rng(0).permutation(40) if interleaved else None
    _, llr = received(encoder, 40, 100, 2.0, crc=CRCEncoder("CRC11"))
    options = {"crc_degree": "CRC11", "ind_iil_inv": order, "return_crc_status": True}
    ours, our_status = PolarSCLDecoder(frozen, 64, list_size, **options)(llr)
    theirs, their_status = SionnaPolarSCLDecoder(frozen, 64, list_size, **options)(llr)
    assert (ours != theirs).any(-1).float().mean() <= 0.02
    assert (our_status != their_status).float().mean() <= 0.02
    assert our_status.dtype == torch.bool


@pytest.mark.parametrize("dec_type", ["SC", "SCL"])
@pytest.mark.parametrize(
    "parameters",
    [(32, 100), (40, 56), (100, 128), (20, 300), (13, 70), (20, 108, "downlink"), (24, 60, "downlink")],
)
def test_5g_equals_sionna(parameters, dec_type):
    """Punctured, shortened and repeated codewords, both interleavers."""
    encoder = Polar5GEncoder(*parameters)
    bits, llr = received(encoder, parameters[0], 60, 4.0)
    ours, our_status = Polar5GDecoder(encoder, dec_type, return_crc_status=True)(llr.reshape(3, 20, -1))
    theirs, their_status = SionnaPolar5GDecoder(encoder, dec_type, return_crc_status=True)(llr.reshape(3, 20, -1))
    assert (ours != theirs).any(-1).float().mean() <= 0.02
    assert (our_status != their_status).float().mean() <= 0.02
    right = (ours == bits.reshape(3, 20, -1)).all(-1)
    assert dec_type == "SC" or bool(our_status[right].all())
    assert torch.equal(Polar5GDecoder(encoder, dec_type)(llr), ours.reshape(60, -1))


def test_belief_propagation_and_long_lists_go_to_sionna():
    encoder = Polar5GEncoder(20, 40)
    bits, llr = received(encoder, 20, 3, 10.0)
    assert torch.equal(Polar5GDecoder(encoder, "BP")(llr), bits)
    assert torch.equal(Polar5GDecoder(encoder, "SCL", list_size=64)(llr), bits)
    double = Polar5GDecoder(Polar5GEncoder(20, 40, precision="double"), "SCL", precision="double")
    assert double(llr).dtype == torch.float64


def test_known_bits():
    frozen, encoder = code(32, 64)
    bits, llr = received(encoder, 32, 20, 2.0)
    codeword = encoder(bits)
    llr[:, ::2] = torch.where(codeword > 0, math.inf, -math.inf)[:, ::2]
    assert torch.equal(PolarSCLDecoder(frozen, 64, 8)(llr), SionnaPolarSCLDecoder(frozen, 64, 8)(llr.clamp(-99, 99)))
    assert torch.equal(PolarSCDecoder(frozen, 64)(llr), SionnaPolarSCDecoder(frozen, 64)(llr.clamp(-99, 99)))
    everything = torch.where(codeword > 0, math.inf, -math.inf)
    assert torch.equal(PolarSCLDecoder(frozen, 64, 8)(everything), bits)


@pytest.mark.parametrize("kind", [PolarSCDecoder, PolarSCLDecoder])
def test_input_checks(kind):
    frozen, encoder = code(32, 64)
    bits, llr = received(encoder, 32, 21, 8.0)
    decoder = kind(frozen, 64)
    assert torch.equal(decoder(llr), bits)
    assert torch.equal(decoder(llr.double()), bits)
    assert torch.equal(decoder(torch.stack([llr, llr], -1)[..., 1]), bits)
    assert torch.equal(decoder(llr.reshape(3, 7, 64)), bits.reshape(3, 7, 32))
    assert torch.equal(decoder(llr[0]), bits[0])
    assert decoder(llr[:0]).shape == (0, 32)
    with pytest.raises(ValueError, match="NaN"):
        decoder(llr.index_fill(1, torch.tensor([3]), math.nan))
    with pytest.raises(ValueError, match="expected"):
        decoder(llr[:, :-1])


def test_same_bits_for_any_number_of_threads():
    frozen, encoder = code(32, 64)
    _, llr = received(encoder, 32, 100, -1.0)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append(PolarSCLDecoder(frozen, 64, 8)(llr))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*results)


def test_transforms():
    kernel = np.array([[1, 0], [1, 1]])
    matrix = np.kron(kernel, np.kron(kernel, kernel))
    words = np.random.default_rng(1).integers(0, 2, 8)
    assert (transform(words) == words @ matrix % 2).all()
    assert (transpose_transform(words) == matrix @ words % 2).all()
    assert schedule(np.zeros(8, dtype=bool)).tolist() == [[RATE1, 3, 0]]
