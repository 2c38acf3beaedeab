"""UTF-8 bytes with a canonical Huffman code that both sides have beforehand."""

import heapq
from functools import cache
from importlib.resources import files
from typing import ClassVar, NamedTuple

import numpy as np

from .utf8 import UTF8

NUM_BYTES = 256


class HuffmanText(UTF8):
    """Text as UTF-8 bytes, each with its codeword of a static canonical Huffman code.

    The code is built from the byte counts of a public-domain English text (``data/english.txt``)
    plus one for every byte value, so any text can be sent; English prose takes about 4.5 bits a
    character. The last byte is filled up with ones, which begin the longest codeword and so decode
    to nothing (as in RFC 7541, 5.2).

    Example:
        >>> codec = HuffmanText()
        >>> len("such a curious dream"), len(codec.encode("such a curious dream"))
        (20, 12)
        >>> codec.decode(codec.encode("日本語")).item
        '日本語'
    """

    name: ClassVar[str] = "huffman"

    def pack(self, raw: bytes) -> bytes:
        """Concatenate the codewords of the bytes and fill up with ones."""
        words = code_table().words
        bits = "".join([words[value] for value in raw])
        bits += "1" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""

    def unpack(self, data: bytes) -> tuple[bytes, bool]:
        """Read codewords until less than one is left; intact if those bits are less than 8 ones."""
        table = code_table()
        bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
        padded = np.concatenate([bits, np.ones(table.width, dtype=np.uint8)]).astype(np.int64)
        weights = 1 << np.arange(table.width - 1, -1, -1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, table.width) @ weights
        symbols, lengths = table.symbols[windows].tolist(), table.lengths[windows].tolist()
        raw, position = bytearray(), 0
        while position + lengths[position] <= bits.size and position < bits.size:
            raw.append(symbols[position])
            position += lengths[position]
        rest = bits[position:]
        return bytes(raw), bool(rest.size < 8 and rest.all())


class CodeTable(NamedTuple):
    """A prefix code for byte values.

    Args:
        words: codeword of each byte value, as a string of 0 and 1.
        width: length of the longest codeword.
        symbols: [2**width], the byte value whose codeword begins a window of ``width`` bits.
        lengths: [2**width], the length of that codeword.
    """

    words: list[str]
    width: int
    symbols: np.ndarray
    lengths: np.ndarray


@cache
def code_table() -> CodeTable:
    """Build the agreed code from the packaged text."""
    text = files(__package__).joinpath("data", "english.txt").read_bytes()
    counts = np.bincount(np.frombuffer(text, dtype=np.uint8), minlength=NUM_BYTES) + 1
    lengths = huffman_lengths(counts.tolist())
    words = canonical_words(lengths)
    width = max(lengths)
    order = sorted(range(NUM_BYTES), key=lambda value: (lengths[value], value))
    spans = [1 << (width - lengths[value]) for value in order]
    return CodeTable(
        words, width, np.repeat(order, spans), np.repeat([lengths[value] for value in order], spans)
    )


def huffman_lengths(counts: list[int]) -> list[int]:
    """Return the codeword lengths of a Huffman code (Huffman, Proc. IRE 40(9), 1952).

    Args:
        counts: positive weight of each symbol; at least two symbols.

    Example:
        >>> huffman_lengths([5, 1, 1, 2])
        [1, 3, 3, 2]
    """
    lengths = [0] * len(counts)
    heap = [(count, symbol, [symbol]) for symbol, count in enumerate(counts)]
    heapq.heapify(heap)
    while len(heap) > 1:
        (count_a, tie, members_a), (count_b, _, members_b) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in members_a + members_b:
            lengths[symbol] += 1
        heapq.heappush(heap, (count_a + count_b, tie, members_a + members_b))
    return lengths


def canonical_words(lengths: list[int]) -> list[str]:
    """Return the canonical codewords of given lengths: shorter first, then by symbol.

    Example:
        >>> canonical_words([1, 3, 3, 2])
        ['0', '110', '111', '10']
    """
    words, code, before = [""] * len(lengths), 0, 0
    for symbol in sorted(range(len(lengths)), key=lambda s: (lengths[s], s)):
        code <<= lengths[symbol] - before
        words[symbol] = format(code, f"0{lengths[symbol]}b")
        code, before = code + 1, lengths[symbol]
    return words
