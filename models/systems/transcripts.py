"""Transcripts that are kept, so that the same tokens are decoded once."""

from collections.abc import Callable, Hashable

from ...linklevel.validation import check_range


class Transcripts:
    """Texts by key, which reference lines and intact files repeat at every point; the oldest are forgotten first.

    Args:
        most: texts held at most.

    Example:
        >>> kept = Transcripts(most=2)
        >>> [kept.get(key, lambda: key.upper()) for key in "abca"], len(kept)
        (['A', 'B', 'C', 'A'], 2)
    """

    def __init__(self, most: int) -> None:
        self.most = check_range("most", most, 1, integer=True)
        self._kept: dict[Hashable, str] = {}

    def __len__(self) -> int:
        """Return the number of texts held."""
        return len(self._kept)

    def get(self, key: Hashable, write: Callable[[], str]) -> str:
        """Return the text of a key; ``write`` makes it where it is not held."""
        if key not in self._kept:
            if len(self._kept) >= self.most:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = write()
        return self._kept[key]


TRANSCRIPTS = Transcripts(most=20_000)
"""What the schemes that a process works on have in common."""
