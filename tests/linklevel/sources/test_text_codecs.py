"""UTF-8 and its Huffman code."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokencom.linklevel.sources import UTF8, HuffmanText
from tokencom.linklevel.sources.huffman import canonical_words, code_table, huffman_lengths

TEXTS = st.text(max_size=200)


@pytest.fixture(params=[UTF8, HuffmanText])
def codec(request):
    return request.param()


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(text=TEXTS)
@pytest.mark.parametrize("make", [UTF8, HuffmanText])
def test_round_trip_of_any_text(make, text):
    decoded = make().decode(make().encode(text))
    assert decoded.item == text
    assert not decoded.damaged
    assert not decoded.fallback


@settings(max_examples=1000, deadline=None, derandomize=True, database=None)
@given(data=st.binary(max_size=120))
@pytest.mark.parametrize("make", [UTF8, HuffmanText])
def test_any_bytes_decode_to_some_text(make, data):
    decoded = make().decode(data)
    assert isinstance(decoded.item, str)
    if not decoded.damaged:
        assert make().encode(decoded.item) == data


def test_every_byte_value_has_a_codeword_and_none_is_a_prefix():
    table = code_table()
    words = sorted(table.words)
    assert len(set(words)) == 256
    assert not any(b.startswith(a) for a, b in itertools.pairwise(words))
    assert sum(2.0 ** -len(word) for word in words) == 1.0
    assert set(max(words, key=lambda word: (len(word), word))) == {"1"}
    assert table.width > 8


def test_huffman_lengths_are_optimal():
    rng = np.random.default_rng(1)
    for _ in range(20):
        counts = rng.integers(1, 1000, size=50)
        p = counts / counts.sum()
        entropy = -(p * np.log2(p)).sum()
        lengths = np.array(huffman_lengths(counts.tolist()))
        assert entropy <= (p * lengths).sum() < entropy + 1
        assert (2.0**-lengths).sum() == 1.0
        assert [len(word) for word in canonical_words(lengths.tolist())] == lengths.tolist()
    # published example: T. Cover and J. Thomas, Elements of Information Theory, ex. 5.6.1
    assert sorted(huffman_lengths([25, 25, 20, 15, 15])) == [2, 2, 2, 3, 3]


def test_english_is_compressed():
    text = (Path(__file__).parents[3] / "scenarios" / "data" / "alice.txt").read_text()
    ratio = len(HuffmanText().encode(text)) / len(UTF8().encode(text))
    assert 0.5 < ratio < 0.6


def test_the_code_is_agreed_for_ever():
    """The codewords belong to the format: a change breaks every stored file."""
    assert HuffmanText().encode("We hold these truths").hex() == "f49157b504d4c1137c4d63"


def test_a_text_that_does_not_fit(codec):
    smallest = codec.smallest("hello world")
    assert len(codec.encode("hello world", smallest)) == smallest
    with pytest.raises(ValueError, match=rf"max_bytes: {smallest - 1} .* {smallest} bytes"):
        codec.encode("hello world", smallest - 1)


def test_what_is_no_text(codec):
    with pytest.raises(TypeError, match="bytes"):
        codec.encode(b"hello")
    with pytest.raises(ValueError, match="surrogates"):
        codec.encode("\ud800")


def test_the_fallback_is_the_empty_string(codec):
    assert codec.fallback() == ""
    assert codec.decode(b"").item == ""
    assert codec.decode(b"").damaged is False


def test_one_bit_error_garbles_utf8_in_one_place():
    data = bytearray(UTF8().encode("hello world"))
    data[4] ^= 0x80
    decoded = UTF8().decode(bytes(data))
    assert decoded.damaged
    assert decoded.item == "hell\ufffd world"
