"""Text as numbers of whole words, for small models that know few of them."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..linklevel.validation import check_choice

SPECIAL = ("<pad>", "<unknown>", "<start>", "<end>", "<image>", "<instruction>", "<input>", "<output>")
"""Numbers 0...7 of every vocabulary."""

FOLDER = Path(__file__).parent / "vocabularies"
_PIECES = re.compile(r"<[a-z]+>|[^\W_][\w'-]*|[^\w\s]")


class WordTokenizer:
    """Whole words, and phrases that count as one, to numbers and back.

    Punctuation marks are words. A phrase of the vocabulary, such as "to the left of the", is one number;
    the longest that fits from the left is taken. A word that is only known without its capital is read
    without it.

    Args:
        words: words and phrases (with single spaces); numbered in this order, after :data:`SPECIAL`.

    Raises:
        ValueError: for a word that is there twice, or is none.

    Example:
        >>> tokenizer = WordTokenizer(["how many", "red", "balls", "?"])
        >>> tokenizer.ids("How many red balls?"), tokenizer.text([8, 9, 10, 11])
        ([8, 9, 10, 11], 'how many red balls?')
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = (*SPECIAL, *words)
        self._numbers: dict[tuple[str, ...], int] = {}
        for number, word in enumerate(self.words):
            pieces = tuple(_PIECES.findall(word))
            if not pieces or (number >= len(SPECIAL) and word.startswith("<")):
                raise ValueError(f"words: {word!r} is no word and no phrase")
            if pieces in self._numbers:
                raise ValueError(f"words: {word!r} is there twice")
            self._numbers[pieces] = number
        self._longest = max(len(pieces) for pieces in self._numbers)
        self.pad, self.unknown, self.start, self.end, self.image = range(5)
        self.instruction, self.input, self.output = range(5, 8)

    @classmethod
    def load(cls, name: str = "synth") -> "WordTokenizer":
        """Return the tokenizer of a vocabulary that comes with the package.

        Args:
            name: "synth", the words of ``clevr_synth``, its captions, CLEVR and ``text_synth``.

        Raises:
            ValueError: for an unknown name.
        """
        known = {path.stem: path for path in FOLDER.glob("*.json")}
        path = known[check_choice("vocabulary", name, sorted(known))]
        return cls(json.loads(path.read_text(encoding="utf-8"))["words"])

    @property
    def vocab_size(self) -> int:
        """How many numbers there are."""
        return len(self.words)

    def ids(self, text: str) -> list[int]:
        """Return the numbers of a text; those of words that are not known are :attr:`unknown`."""
        pieces = [self._plain(piece) for piece in _PIECES.findall(text)]
        numbers, place = [], 0
        while place < len(pieces):
            for length in range(min(self._longest, len(pieces) - place), 0, -1):
                number = self._numbers.get(tuple(pieces[place : place + length]))
                if number is not None or length == 1:
                    numbers.append(self.unknown if number is None else number)
                    place += length
                    break
        return numbers

    def text(self, ids: Sequence[int], *, sentence: bool = False) -> str:
        """Return the words of numbers up to the end mark; no space is put before punctuation marks.

        Args:
            ids: numbers of 0...vocab_size-1; special ones other than :attr:`unknown` are left out.
            sentence: whether to begin with a capital.
        """
        words: list[str] = []
        for number in ids:
            if number == self.end:
                break
            if number >= len(SPECIAL) or number == self.unknown:
                words.append(self.words[number])
        text = re.sub(r" (?=[.,?!;:])", "", " ".join(words))
        return text[:1].upper() + text[1:] if sentence else text

    def _plain(self, piece: str) -> str:
        """Return a word without its capital if it is not known with it; phrases are in small letters."""
        return piece if (piece,) in self._numbers else piece.lower()
