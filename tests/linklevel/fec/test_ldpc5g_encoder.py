"""LDPC5GEncoder against Sionna's encoder and the parity-check matrix."""

import pytest
import torch
from sionna.phy.fec.ldpc import LDPC5GDecoder as SionnaDecoder
from sionna.phy.fec.ldpc import LDPC5GEncoder as SionnaEncoder

from tokencom.linklevel.fec import LDPC5GEncoder

CODES = [
    {"k": 12, "n": 60},
    {"k": 100, "n": 200},
    {"k": 512, "n": 1024, "num_bits_per_symbol": 4},
    {"k": 700, "n": 1400, "bg": "bg1"},
    {"k": 1000, "n": 1100},
    {"k": 3840, "n": 19200},
    {"k": 8448, "n": 9216, "num_bits_per_symbol": 6},
]


def random_bits(*shape):
    return torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(1)).float()


@pytest.mark.parametrize("code", CODES, ids=str)
def test_same_codewords_as_sionna(code):
    ours, sionnas = LDPC5GEncoder(**code), SionnaEncoder(**code)
    bits = random_bits(70, code["k"])
    assert torch.equal(ours(bits), sionnas(bits))
    versions = [3, 0, 1, 2]
    assert torch.equal(ours(bits[:6].reshape(2, 3, -1), rv=versions), sionnas(bits[:6].reshape(2, 3, -1), rv=versions))


def test_codewords_satisfy_the_checks():
    encoder = LDPC5GEncoder(300, 1200)  # rate 1/4: far into the extension part
    bits = random_bits(3, 300)
    sent = encoder(bits)
    word = torch.zeros(3, encoder.n_ldpc)
    word[:, :300] = bits
    places = torch.arange(2 * encoder.z, 2 * encoder.z + encoder.n)
    places[places >= 300] += encoder.k_filler
    word[:, places] = sent
    checks = encoder.pcm[: places.max() + 1 - encoder.k_ldpc].tolil()[:, : places.max() + 1]
    assert ((checks @ word[:, : places.max() + 1].numpy().T) % 2 == 0).all()


def test_shapes_dtypes_and_batches():
    encoder = LDPC5GEncoder(100, 200)
    bits = random_bits(130, 100)
    expected = SionnaEncoder(100, 200)(bits)
    assert torch.equal(encoder(bits[7]), expected[7])
    assert encoder(bits[:0]).shape == (0, 200)
    assert encoder(bits[:0], rv=[0, 2]).shape == (0, 2, 200)
    for dtype in (torch.int64, torch.bool, torch.uint8):
        coded = encoder(bits.to(dtype))
        assert coded.dtype == dtype
        assert torch.equal(coded.float(), expected)
    assert torch.equal(encoder(bits.T.contiguous().T), expected)
    double = LDPC5GEncoder(100, 200, precision="double")(bits.double())
    assert double.dtype == torch.float64
    assert torch.equal(double.float(), expected)


@pytest.mark.parametrize("wrong", [0.5, -1.0, 2.0, torch.nan, torch.inf])
@pytest.mark.parametrize("place", [(0, 0), (69, 99)])
def test_input_must_be_binary(wrong, place):
    bits = random_bits(70, 100)
    bits[place] = wrong
    with pytest.raises(ValueError, match="bits: values other than 0 and 1"):
        LDPC5GEncoder(100, 200)(bits)


def test_wrong_input_is_refused():
    encoder = LDPC5GEncoder(100, 200)
    with pytest.raises(ValueError, match="length k=100"):
        encoder(torch.zeros(2, 99))
    encoder(torch.zeros(2, 100))
    with pytest.raises(ValueError, match=r"bits: shape \[2, 99\] given"):
        encoder(torch.zeros(2, 99))
    with pytest.raises(ValueError, match="Invalid RV index 4"):
        encoder(torch.zeros(2, 100), rv=[4])
    with pytest.raises(ValueError, match="rv must be a non-empty list"):
        encoder(torch.zeros(2, 100), rv=[])


def test_sionnas_decoder_takes_it():
    encoder = LDPC5GEncoder(100, 200, num_bits_per_symbol=4)
    bits = random_bits(4, 100)
    assert torch.equal(SionnaDecoder(encoder, num_iter=5)(8 * encoder(bits) - 4), bits)
