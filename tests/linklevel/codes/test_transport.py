"""Transport blocks of any size and rate."""

import warnings

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tokencom.linklevel.codes import CODES, TransportBlockCoder, code_class, num_coded_bits
from tokencom.linklevel.codes.transport import CRC_BITS

CRCS = [None, *CRC_BITS]


def bits_of(batch, k, seed=0):
    return torch.randint(0, 2, (batch, k), generator=torch.Generator().manual_seed(seed)).float()


def quiet_coder(**arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # blocks above the top rate go uncoded
        return TransportBlockCoder(**arguments)


def check_round_trip(coder, batch=2):
    bits = bits_of(batch, coder.k, seed=coder.n)
    coded = coder.encode(bits)
    assert coded.shape == (batch, coder.n)
    assert sum(blocks.count * blocks.code.n for blocks in coder.code_blocks) == coder.n
    decoded, ok = coder.decode(8 * coded - 4)
    assert torch.equal(decoded, bits)
    assert ok.all()
    assert ok.shape == (batch,)


@pytest.mark.parametrize("code", sorted(set(CODES) - {"turbo"}))
@settings(max_examples=25, deadline=None)
@given(k=st.integers(1, 400), extra=st.integers(0, 1200), crc=st.sampled_from(CRCS), m=st.sampled_from([1, 2, 6]))
@example(k=1, extra=0, crc=None, m=1)
@example(k=1, extra=0, crc="CRC24A", m=1)
@example(k=2, extra=30, crc=None, m=2)
@example(k=11, extra=7, crc=None, m=1)
def test_any_payload_and_rate(code, k, extra, crc, m):
    n = k + CRC_BITS.get(crc, 0) + extra
    check_round_trip(quiet_coder(code=code, k=k, n=n + -n % m, crc=crc, num_bits_per_symbol=m))


@settings(max_examples=12, deadline=None)
@given(k=st.integers(1, 60), extra=st.integers(0, 250), crc=st.sampled_from(CRCS))
@example(k=1, extra=0, crc=None)
def test_any_payload_and_rate_turbo(k, extra, crc):
    n = k + CRC_BITS.get(crc, 0) + extra
    check_round_trip(quiet_coder(code="turbo", k=k, n=n, crc=crc, algorithm="maxlog"))


@pytest.mark.parametrize(
    ("code", "k", "n", "blocks"),
    [("ldpc5g", 20_000, 41_001, 3), ("ldpc5g", 4_000, 20_001, 2), ("polar5g", 2_500, 5_003, 5),
     ("conv", 7_000, 14_100, 2), ("ldpc", 2_100, 4_301, 3), ("uncoded", 100_000, 100_100, 1)],
)  # fmt: skip
def test_long_payloads_are_segmented(code, k, n, blocks):
    coder = TransportBlockCoder(code=code, k=k, n=n)
    assert coder.num_code_blocks == blocks
    per_block = 24 if blocks > 1 and code != "polar5g" else 0
    assert coder.num_crc_bits == 24 + blocks * per_block
    check_round_trip(coder, batch=1)


def test_a_hundred_thousand_bits():
    coder = TransportBlockCoder(code="ldpc5g", k=100_000, n=150_000, cn_update="minsum", num_iter=8)
    assert coder.num_code_blocks == 12
    check_round_trip(coder, batch=1)


def test_turbo_blocks_of_two_sizes_with_fillers():
    k, n = 6200, 13_001
    coder = TransportBlockCoder(code="turbo", k=k, n=n)
    codes = [blocks.code for blocks in coder.code_blocks for _ in range(blocks.count)]
    assert [code.size for code in codes] == [3136, 3136]
    assert [code.num_filler_bits for code in codes] == [0, 0]
    coder = TransportBlockCoder(code="turbo", k=k + 50, n=n)
    codes = [blocks.code for blocks in coder.code_blocks for _ in range(blocks.count)]
    assert [code.size for code in codes] == [3136, 3200]
    assert [code.num_filler_bits for code in codes] == [14, 0]
    bits = bits_of(2, coder.k)
    coded = coder.encode(bits)
    assert coded.shape == (2, n)
    # The second block alone, coded by itself, is the end of the transport block.
    assert torch.equal(coded[:, -codes[1].n :], codes[1].encode(_second_block(bits)))


def _second_block(bits):
    from sionna.phy.fec.crc import CRCEncoder

    stream = CRCEncoder("CRC24A")(bits)
    return CRCEncoder("CRC24B")(stream[:, 3136 - 14 - 24 :])


@pytest.mark.parametrize(
    ("size", "n", "m"),
    [(4032, 8064, 2), (4032, 8064, 4), (9992, 30_000, 6), (9992, 20_006, 2), (3848, 19_200, 2)],
)
def test_bits_equal_sionnas_transport_block(size, n, m):
    from sionna.phy.nr import TBEncoder

    theirs = TBEncoder(
        target_tb_size=size,
        num_coded_bits=n,
        target_coderate=size / n,
        num_bits_per_symbol=m,
        use_scrambler=False,
    )
    ours = TransportBlockCoder(code="ldpc5g", k=size, n=n, num_bits_per_symbol=m)
    bits = bits_of(2, size)
    assert theirs.tb_size == size
    assert torch.equal(ours.encode(bits), theirs(bits))


@pytest.mark.parametrize("code", [*sorted(set(CODES) - {"turbo"})])
def test_damage_is_noticed_and_never_raises(code):
    coder = TransportBlockCoder(code=code, k=100, n=300)
    generator = torch.Generator().manual_seed(7)
    llr = torch.cat([
        torch.randn(20, 300, generator=generator),
        1e4 * torch.randn(20, 300, generator=generator),
        torch.zeros(1, 300),
        torch.full((1, 300), 3e38),
    ])  # fmt: skip
    bits, ok = coder.decode(llr)
    assert bits.shape == (42, 100)
    assert not ok.any()  # each random word passes with probability 2**-24


def test_a_code_block_that_was_not_received_fails():
    coder = TransportBlockCoder(code="ldpc5g", k=10_000, n=20_000, cn_update="minsum", num_iter=5)
    llr = 8 * coder.encode(torch.zeros(2, 10_000)) - 4
    llr[1, :10_000] = 0
    assert coder.decode(llr)[1].tolist() == [True, False]


def test_without_crc_there_is_no_verdict():
    coder = TransportBlockCoder(code="conv", k=50, n=120, crc=None)
    assert coder.num_crc_bits == 0
    assert coder.decode(torch.zeros(3, 120))[1].all()


def test_a_tag_that_differs_fails():
    coder = TransportBlockCoder(code="uncoded", k=30, n=54)
    bits = bits_of(3, 30)
    tags = torch.tensor([0, 1, 1000])
    coded = coder.encode(bits, tags)
    assert coder.decode(2 * coded - 1, tags)[1].all()
    assert coder.decode(2 * coded - 1, tags + 1)[1].logical_not().all()
    assert coder.decode(2 * coded - 1)[1].tolist() == [True, False, False]


@pytest.mark.parametrize("crc", CRCS[1:])
def test_any_single_error_is_detected(crc):
    coder = TransportBlockCoder(code="uncoded", k=20, n=20 + CRC_BITS[crc], crc=crc)
    llr = (2 * coder.encode(bits_of(1, 20)) - 1).repeat(coder.n, 1)
    llr[torch.arange(coder.n), torch.arange(coder.n)] *= -1
    assert not coder.decode(llr)[1].any()


def test_large_batches_are_decoded_in_parts(monkeypatch):
    coder = TransportBlockCoder(code="conv", k=50, n=130)
    llr = torch.randn(7, 130, generator=torch.Generator().manual_seed(1))
    whole = coder.decode(llr)
    monkeypatch.setattr(coder.code_blocks[0].code, "bits_per_call", 300)
    calls = []
    decode = coder.code_blocks[0].code.decode
    monkeypatch.setattr(coder.code_blocks[0].code, "decode", lambda part: calls.append(len(part)) or decode(part))
    parts = coder.decode(llr)
    assert calls == [2, 2, 2, 1]
    assert torch.equal(parts[0], whole[0])
    assert torch.equal(parts[1], whole[1])


def test_an_empty_batch():
    coder = TransportBlockCoder(code="turbo", k=50, n=120)
    assert coder.encode(torch.zeros(0, 50)).shape == (0, 120)
    bits, ok = coder.decode(torch.zeros(0, 120))
    assert bits.shape == (0, 50)
    assert ok.shape == (0,)


def test_input_of_another_kind():
    coder = TransportBlockCoder(code="conv", k=50, n=120)
    bits = bits_of(2, 50)
    assert torch.equal(coder(bits), coder.encode(bits))
    assert torch.equal(coder.encode(bits.double()), coder.encode(bits.bool()))
    llr = (2 * coder.encode(bits) - 1).double()
    strided = llr.repeat_interleave(2, dim=1)[:, ::2]
    assert not strided.is_contiguous()
    assert torch.equal(coder.decode(strided)[0], bits)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"code": "ldpc", "k": 10, "n": 20}, "k = 10 payload bits and 24 CRC bits need at least 34"),
        ({"code": "ldpc", "k": 0, "n": 20}, "allowed range"),
        ({"code": "turbo", "k": 10, "n": 200, "crc": "CRC24"}, "did you mean 'CRC24"),
        ({"code": "turbos", "k": 10, "n": 200}, "did you mean 'turbo'"),
        (
            {"code": "turbo", "k": 10, "n": 201, "num_bits_per_symbol": 2},
            "no multiple of num_bits_per_symbol = 2",
        ),
        ({"code": "turbo", "k": 10, "n": 200, "list_size": 2}, "option of turbo: 'list_size'"),
    ],
)
def test_impossible_coders(arguments, says):
    with pytest.raises(ValueError, match=says):
        TransportBlockCoder(**arguments)


def test_impossible_input():
    coder = TransportBlockCoder(code="uncoded", k=10, n=40)
    with pytest.raises(ValueError, match=r"bits: shape \[2, 11\]"):
        coder.encode(torch.zeros(2, 11))
    with pytest.raises(ValueError, match="values other than 0 and 1"):
        coder.encode(torch.full((2, 10), 0.5))
    with pytest.raises(ValueError, match=r"llr: shape \[40\]"):
        coder.decode(torch.zeros(40))
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="1 of 80 elements are NaN or infinite"):
            coder.decode(torch.zeros(2, 40).index_put((torch.tensor(1), torch.tensor(3)), torch.tensor(value)))


@settings(max_examples=150, deadline=None)
@given(
    k=st.integers(1, 30_000), coderate=st.floats(0.05, 1.0), crc=st.sampled_from(CRCS),
    m=st.sampled_from([1, 2, 4, 6]),
    code=st.sampled_from(["ldpc5g", "turbo", "polar5g", "conv", "uncoded"]),
)  # fmt: skip
def test_coded_bits_for_a_rate_keep_every_block_below_the_top_rate(k, coderate, crc, m, code):
    n = num_coded_bits(k=k, coderate=coderate, code=code, crc=crc, num_bits_per_symbol=m)
    assert n % m == 0
    assert n >= k / coderate - 1e-6
    family = code_class(code)
    segments = family.segment(k + CRC_BITS.get(crc, 0), n, m).segments
    assert all(segment.n >= family.min_n(segment.k) for segment in segments)
    if all(k / coderate / len(segments) - m >= family.min_n(segment.k) for segment in segments):
        assert n < k / coderate + m  # no more than asked for


@pytest.mark.parametrize(("k", "n"), [(300, 900), (1824, 3648), (512, 1024), (7, 21), (100, 111)])
def test_a_rate_written_as_a_fraction_gives_its_length(k, n):
    assert num_coded_bits(k=k, coderate=k / n, code="uncoded", crc=None) == n


def test_a_rate_out_of_range():
    for coderate in (0.0, 1.1, -1.0):
        with pytest.raises(ValueError, match="coderate"):
            num_coded_bits(k=10, coderate=coderate, code="conv")
