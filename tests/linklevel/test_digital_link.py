"""Bits and bytes over a digital link."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import norm

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.air.base import Received
from tokencom.linklevel.codes import transport_block_size
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links import DigitalLink

CODES = ["ldpc5g", "turbo", "polar5g", "conv", "uncoded", "ldpc"]


def awgn():
    return FlatAirInterface(channel="awgn")


def link_of(code="conv", m=4, coderate=0.5, **more):
    return DigitalLink(air=awgn(), code=code, num_bits_per_symbol=m, coderate=coderate, **more)


def clean(signal, no=1e-3):
    """What a receiver has of a signal in hardly any noise."""
    batch = len(signal.symbols)
    return Received(signal.symbols, torch.full(signal.symbols.shape, no), torch.full((batch,), no))


def snr(batch):
    return torch.full((batch,), 30.0)


def strings(lengths, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.bytes(length) for length in lengths]


def pam_ber(amplitude, points):
    """Bit error rate of Gray-labelled PAM with points +-amplitude, +-3 amplitude, ... in unit noise."""
    levels = amplitude * (2 * np.arange(points) - points + 1)
    edges = np.concatenate([[-np.inf], (levels[1:] + levels[:-1]) / 2, [np.inf]])
    gray = np.arange(points) ^ (np.arange(points) >> 1)
    weights = np.array([[int(a ^ b).bit_count() for b in gray] for a in gray])
    regions = norm.cdf(edges[1:] - levels[:, None]) - norm.cdf(edges[:-1] - levels[:, None])
    return (weights * regions).sum() / points / np.log2(points)


@pytest.mark.parametrize(("m", "snr_db"), [(2, 4.0), (4, 10.0), (6, 15.0), (8, 20.0)])
def test_uncoded_qam_equals_the_closed_form(m, snr_db):
    link = link_of("uncoded", m, 1.0, crc=None, num_bits=1200)
    draws = Draws(seed=1)
    bits = draws.bits(200, 1200)
    reception = link(bits, snr_db, draws)
    errors = (reception.payload != bits).float().mean().item()
    spacing = np.sqrt(3 / (2 * (2**m - 1)))
    expected = pam_ber(spacing * np.sqrt(2 * 10 ** (snr_db / 10)), 2 ** (m // 2))
    # Bits of a symbol's half share its noise: m/2 bits count as one. 3.9 sigma: probability 1e-4.
    sigma = np.sqrt(expected / bits.numel() * m / 2)
    assert abs(errors - expected) < 3.9 * sigma


@pytest.mark.parametrize("code", CODES)
def test_bits_round_trip_and_counts(code):
    coderate = 1.0 if code == "uncoded" else 0.5
    link = link_of(code, 4, coderate, num_bits=90)
    draws = Draws(seed=2)
    bits = draws.bits(3, 90)
    reception = link(bits, 30.0, draws)
    assert torch.equal(reception.payload, bits)
    assert reception.ok.all()
    uses = reception.channel_uses
    n = 90 + 24 + 2 if code == "uncoded" else 180
    assert uses.total.tolist() == [n // 4] * 3 == [link.num_channel_uses()] * 3
    assert uses.side_information.tolist() == [-(-(n // 4) * 24 // 114)] * 3
    assert link.spectral_efficiency == pytest.approx(90 / (n // 4))


def test_without_crc_nothing_is_side_information():
    link = link_of(num_bits=100, crc=None)
    reception = link(torch.zeros(2, 100), -20.0, Draws(seed=1))
    assert reception.ok.all()
    assert not reception.channel_uses.side_information.any()


@pytest.mark.parametrize("code", ["uncoded", "conv", "ldpc5g"])
def test_equal_bits_have_unit_energy_too(code):
    link = link_of(code, 6, 1.0 if code == "uncoded" else 0.5, num_bits=6000)
    energy = link.encode(torch.zeros(1, 6000), snr(1)).symbols.abs().square()
    # The energy of a 64-QAM symbol has variance 0.38; 4.9 sigma: probability 1e-6.
    assert abs(energy.mean().item() - 1) < 4.9 * np.sqrt(0.38 / energy.numel())


def test_bytes_of_all_lengths():
    lengths = [*range(40), 63, 64, 65, 477, 478, 479, 999, 1500, 2047, 3000]
    link = link_of("uncoded", 8, 1.0)
    payload = strings(lengths)
    reception = link(payload, 45.0, Draws(seed=3))
    assert reception.payload == payload
    assert reception.ok.all()
    for length, total, side in zip(
        lengths,
        reception.channel_uses.total.tolist(),
        reception.channel_uses.side_information.tolist(),
        strict=True,
    ):
        size = transport_block_size(8 * length, 1.0)
        symbols = -(-(size + 24) // 8)
        assert total == 48 + symbols
        assert side == 48 + -(-symbols * 24 // (size + 24))
        assert length == 0 or link.num_channel_uses(8 * length) == total


@pytest.mark.parametrize("code", CODES)
def test_bytes_round_trip(code):
    lengths = [0, 1, 5, 5, 6] if code == "turbo" else [0, 1, 17, 17, 18, 60]
    link = link_of(
        code, 4, 1.0 if code == "uncoded" else 0.5, code_options={"num_iter": 3} if code == "turbo" else None
    )
    payload = strings(lengths)
    reception = link(payload, 30.0, Draws(seed=4))
    assert reception.payload == payload
    assert reception.ok.all()


def test_long_bytes_are_segmented():
    link = link_of("ldpc5g", 6, 0.75, code_options={"cn_update": "minsum", "num_iter": 8})
    payload = strings([3000, 2800])
    reception = link(payload, 30.0, Draws(seed=5))
    assert reception.payload == payload
    assert reception.ok.all()


def test_an_item_does_not_depend_on_the_others():
    link = link_of()
    payload = strings([30, 3, 200])
    together = link.encode(payload, snr(3))
    for row, item in enumerate(payload):
        alone = link.encode([item], snr(1))
        count = int(alone.num_symbols[0])
        assert int(together.num_symbols[row]) == count == alone.symbols.shape[1]
        assert torch.equal(together.symbols[row, :count], alone.symbols[0])
        assert not together.symbols[row, count:].any()


@pytest.mark.parametrize("code", ["conv", "ldpc5g", "uncoded"])
def test_noise_alone_is_never_ok_and_never_raises(code):
    link = link_of(code, 2, 1.0 if code == "uncoded" else 0.5)
    generator = torch.Generator().manual_seed(6)
    symbols = torch.randn(50, 400, generator=generator, dtype=torch.complex64)
    for scale, no in ((1.0, 1.0), (1e6, 1e12), (0.0, 1.0), (1e3, 0.0), (1.0, float("inf"))):
        received = Received(scale * symbols, torch.full(symbols.shape, no), torch.ones(50))
        payload, ok = link.decode(received)
        assert not ok.any()
        assert len(payload) == 50
        assert all(isinstance(item, bytes) for item in payload)


def test_damage_gives_the_best_that_can_be_had():
    link = link_of("uncoded", 2, 1.0)
    payload = strings([100])
    received = clean(link.encode(payload, snr(1)))
    symbols = received.symbols.clone()
    symbols[0, link.num_header_symbols + 10] *= -1
    decoded, ok = link.decode(dataclasses.replace(received, symbols=symbols))
    assert not ok.any()
    assert len(decoded[0]) == 100
    assert sum(a != b for a, b in zip(decoded[0], payload[0], strict=True)) == 1


@pytest.mark.parametrize(("said", "length"), [(18, 17), (16, 17), (0, 17), (17, 0), (60, 17), (200_000, 17)])
def test_a_wrong_length_in_the_header_fails_the_crc(said, length):
    """17 and 18 bytes share a transport block size, so only the CRC's mask tells them apart."""
    link = link_of("conv", 2, 0.5)
    signal = link.encode([b"\0" * length, b"\0" * 100], snr(2))
    symbols = signal.symbols.clone()
    symbols[:1, : link.num_header_symbols] = link._header.encode(torch.tensor([said]))
    decoded, ok = link.decode(clean(dataclasses.replace(signal, symbols=symbols)))
    assert ok.tolist() == [False, True]
    assert len(decoded[0]) == (said if said < 200_000 else 0)


def test_the_header_is_stronger_than_the_payload():
    """Where the payload's block error rate is near 1/2, the length is nearly always right."""
    link = link_of("conv", 2, 0.25, code_options={"generators": [133, 165, 171]})
    payload = strings([30] * 400)
    reception = link(payload, -2.8, Draws(seed=7))
    failed = int((~reception.ok).sum())
    wrong_length = sum(len(item) != 30 for item in reception.payload)
    assert 50 < failed < 390
    assert wrong_length < failed / 10


def test_fading_with_estimated_csi():
    air = FlatAirInterface(channel="rayleigh", csi="estimated", num_pilots=4)
    link = DigitalLink(air=air, code="conv", num_bits_per_symbol=2, coderate=0.5)
    payload = strings([20] * 200)
    reception = link(payload, 12.0, Draws(seed=8))
    right = torch.tensor([a == b for a, b in zip(payload, reception.payload, strict=True)])
    assert right[reception.ok].all()  # the other way round, an error may hit the CRC only
    assert 0.5 < right.float().mean() < 1.0
    assert int(reception.channel_uses.pilots[0]) == 4
    assert link.num_channel_uses(160) == int(reception.channel_uses.total[0])


def test_two_runs_are_equal():
    link = link_of("ldpc5g", num_bits=100)
    bits = Draws(seed=9).bits(20, 100)
    first, second = (link(bits, 4.0, Draws(seed=9)) for _ in range(2))
    assert torch.equal(first.payload, second.payload)
    assert torch.equal(first.ok, second.ok)


def test_double_precision():
    air = FlatAirInterface(channel="awgn", precision="double")
    link = DigitalLink(air=air, code="conv", num_bits_per_symbol=4, coderate=0.5)
    assert link.encode([b"double"], snr(1)).symbols.dtype == torch.complex128
    assert link([b"double"], 20.0, Draws(seed=1)).payload == [b"double"]


def test_ebno_counts_payload_bits():
    link = link_of("conv", 4, 0.5, num_bits=100, crc=None)
    assert link.snr_db_from_ebno(3.0).item() == pytest.approx(3.0 + 10 * np.log10(2.0), abs=1e-5)
    with_crc = link_of("uncoded", 2, 1.0, num_bits=100)
    assert with_crc.snr_db_from_ebno(0.0).item() == pytest.approx(10 * np.log10(100 / 62), abs=1e-5)
    strings_link = link_of("uncoded", 2, 1.0)
    total = strings_link.num_channel_uses(800)
    assert strings_link.snr_db_from_ebno(0.0, 800).item() == pytest.approx(10 * np.log10(800 / total), abs=1e-5)
    with pytest.raises(ValueError, match="num_bits"):
        strings_link.snr_db_from_ebno(0.0)
    with pytest.raises(ValueError, match="num_bits"):
        link.num_channel_uses(100)


def test_an_empty_batch():
    signal = link_of().encode([], snr(0))
    payload, ok = link_of().decode(clean(signal))
    assert payload == []
    assert ok.shape == (0,)
    link = link_of(num_bits=10)
    payload, ok = link.decode(clean(link.encode(torch.zeros(0, 10), snr(0))))
    assert payload.shape == (0, 10)
    assert ok.shape == (0,)


def test_refused_links():
    with pytest.raises(ValueError, match="needs a coherent receiver"):
        DigitalLink(
            air=FlatAirInterface(channel="rayleigh", csi="none"),
            code="conv",
            num_bits_per_symbol=2,
            coderate=0.5,
        )
    for arguments, says in (
        ({"code": "convo"}, "did you mean 'conv'"),
        ({"coderate": 0.0}, "coderate"),
        ({"coderate": 1.5}, "coderate"),
        ({"m": 3}, "num_bits_per_symbol"),
        ({"crc": "CRC8"}, "crc"),
        ({"num_bits": 0}, "num_bits"),
        ({"backend": "pyldpc"}, "no decoder for 'conv'"),
        ({"code_options": {"generator": [5, 7]}}, "did you mean 'generators'"),
    ):
        with pytest.raises(ValueError, match=says):
            link_of(**arguments)


def test_refused_payloads():
    with pytest.raises(TypeError, match="takes a list of bytes"):
        link_of().encode(torch.zeros(2, 8), snr(2))
    with pytest.raises(TypeError, match="takes a list of bytes"):
        link_of().encode(["text"], snr(1))
    with pytest.raises(TypeError, match="takes a list of bytes"):
        link_of().encode(b"bytes", snr(1))
    with pytest.raises(TypeError, match="takes a tensor of bits"):
        link_of(num_bits=8).encode([b"a"], snr(1))
    with pytest.raises(ValueError, match=r"\[batch, 8\]"):
        link_of(num_bits=8).encode(torch.zeros(2, 9), snr(2))
    with pytest.raises(ValueError, match="at most 262143"):
        link_of().encode([b"\0" * 2**18], snr(1))
