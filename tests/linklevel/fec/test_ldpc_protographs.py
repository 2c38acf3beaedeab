"""Parity-check matrices of standards and files."""

import numpy as np
import pytest
from sionna.phy.fec.ldpc import LDPC5GEncoder
from sionna.phy.fec.utils import load_parity_check_examples

from tokencom.linklevel.fec.protographs import (
    WIFI_648_RATE_1_2,
    accumulator_pcm,
    as_pcm,
    lift,
    read_alist,
    wimax_pcm,
)


def rank(matrix):
    """Rank over GF(2)."""
    rows = [int("".join(map(str, row)), 2) for row in matrix.toarray().astype(int)]
    count = 0
    while rows:
        pivot = rows.pop()
        if pivot:
            count += 1
            low = pivot & -pivot
            rows = [row ^ pivot if row & low else row for row in rows]
    return count


def test_lifting_agrees_with_sionna_on_5g():
    encoder = LDPC5GEncoder(100, 200)
    assert (lift(encoder._bm.astype(int), encoder.z) != encoder.pcm).nnz == 0


def test_wifi_code_is_sionnas_example():
    pcm, k, n, _ = load_parity_check_examples(4)
    ours = lift(WIFI_648_RATE_1_2, 27)
    assert ours.shape == (n - k, n)
    np.testing.assert_array_equal(ours.toarray(), pcm)


@pytest.mark.parametrize("n", [576, 672, 2304])
def test_wimax_codes(n):
    pcm = wimax_pcm(n)
    assert pcm.shape == (n // 2, n)
    assert pcm.nnz == 76 * (n // 24)
    # Degrees of IEEE 802.16e rate 1/2: 11 columns of weight 2, 8 of 3 and 5 of 6; rows of 6 and 7.
    degrees, counts = np.unique(np.asarray(pcm.sum(axis=0)).ravel(), return_counts=True)
    assert dict(zip(degrees, counts * 24 // n, strict=True)) == {2: 11, 3: 8, 6: 5}
    if n == 576:
        assert rank(pcm) == n // 2


def test_wimax_refuses_other_lengths():
    with pytest.raises(ValueError, match="n: 600 given"):
        wimax_pcm(600)


# First and fourth line of ETSI EN 302 307-1, table C.5 (16200, 10800), enough to test the expansion.
DVBS2_LINES = [[0, 2084, 1613, 1548, 1286, 1460, 3196, 4297, 2481, 3369, 3451, 4620, 2622], [3, 342, 3529]]


def test_accumulator_codes_follow_the_encoder_of_the_standard():
    lines, group, q = DVBS2_LINES, 360, 15
    n = len(lines) * group + q * group
    pcm = accumulator_pcm(lines, n)
    bits = np.random.default_rng(1).integers(0, 2, len(lines) * group)
    parity = np.zeros(q * group, int)
    for m, bit in enumerate(bits):  # the encoder as the standard writes it
        for address in lines[m // group]:
            parity[(address + m % group * q) % len(parity)] ^= bit
    parity = np.bitwise_xor.accumulate(parity)
    assert not ((pcm @ np.concatenate([bits, parity])) % 2).any()


def test_accumulator_codes_refuse_nonsense():
    with pytest.raises(ValueError, match="n - k must be a positive multiple of 360"):
        accumulator_pcm([[0]], 800)
    with pytest.raises(ValueError, match="addresses: 9 given; 0 … 3 allowed"):
        accumulator_pcm([[9]], 6, group=2)
    with pytest.raises(ValueError, match="entry 2"):
        accumulator_pcm([[1, 1]], 6, group=2)


HAMMING = "7 3\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1 0 0\n2 0 0\n1 2 0\n3 0 0\n1 3 0\n2 3 0\n1 2 3\n"
HAMMING_ROWS = "1 3 5 7\n2 3 6 7\n4 5 6 7\n"


def test_alist(tmp_path):
    path = tmp_path / "hamming.alist"
    expected = [[1, 0, 1, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 1]]
    for text in (HAMMING, HAMMING + HAMMING_ROWS):
        path.write_text(text)
        np.testing.assert_array_equal(read_alist(path).toarray(), expected)
    np.testing.assert_array_equal(as_pcm(str(path)).toarray(), expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a complete alist"),
        ("7 x\n", "not a complete alist|invalid"),
        (HAMMING.replace("1 1 2 1", "1 1 1 1"), "do not have the stated degrees"),
        (HAMMING.replace("3 0 0", "4 0 0"), "row 4 named, but there are 3"),
        (HAMMING + HAMMING_ROWS.replace("4 5", "3 5"), "contradict the column lists"),
        (HAMMING.replace("1 2 0", "1 1 0"), "entry 2"),
    ],
)
def test_broken_alist(tmp_path, text, message):
    path = tmp_path / "broken.alist"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_alist(path)


def test_lift_refuses_nonsense():
    for wrong in ([1, 2], [[0.5]], [[-2]]):
        with pytest.raises(ValueError, match="prototype: "):
            lift(wrong, 3)
    with pytest.raises(ValueError, match="z: 0 is outside"):
        lift([[0]], 0)
