"""Rate matching: which coded bits are sent, and how LLRs find their way back."""

from collections.abc import Sequence

import numpy as np
import torch

NULL = -1

TURBO_COLUMNS = (
    0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30,
    1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31,
)  # fmt: skip
"""Column order of the sub-block interleaver, TS 36.212 table 5.1.4-1."""

CONV_COLUMNS = (
    1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31,
    0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30,
)  # fmt: skip
"""Column order of the sub-block interleaver, TS 36.212 table 5.1.4-2."""


def sub_block(stream: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """Interleave one stream: write rows of 32 with nulls in front, permute columns, read columns.

    Args:
        stream: [D], positions of the stream's bits, ``NULL`` for dummies.
        columns: 32 column indices.

    Returns:
        [32 * ceil(D / 32)], with ``NULL`` where nothing is sent.
    """
    padded = np.concatenate([np.full(-len(stream) % 32, NULL), stream])
    return padded.reshape(-1, 32)[:, list(columns)].T.ravel()


def turbo_order(size: int, num_filler_bits: int) -> np.ndarray:
    r"""Return the order in which the bits of a Turbo codeword leave the circular buffer.

    Sub-block interleaver and bit collection of TS 36.212 clauses 5.1.4.1.1 and 5.1.4.1.2 for
    redundancy version 0, without soft buffer limit: the buffer starts at
    :math:`k_0 = 2 R_{subblock}`.

    Args:
        size: bits K into the encoder, one of table 5.1.3-3.
        num_filler_bits: nulls at the start of the systematic and the first parity stream.

    Returns:
        Positions :math:`3k + i` of the bits :math:`d_k^{(i)}`, each once.
    """
    length = size + 4
    streams = 3 * np.arange(length) + np.arange(3)[:, None]
    streams[:2, :num_filler_bits] = NULL
    systematic, parity1 = (sub_block(stream, TURBO_COLUMNS) for stream in streams[:2])
    # The third stream's permutation is the same one shifted: π(k) = (P(⌊k/R⌋) + 32 (k mod R) + 1) mod K.
    padded = np.concatenate([np.full(-length % 32, NULL), streams[2]])
    parity2 = np.roll(padded, -1).reshape(-1, 32)[:, list(TURBO_COLUMNS)].T.ravel()
    buffer = np.concatenate([systematic, np.stack([parity1, parity2], -1).ravel()])
    rows = len(padded) // 32
    buffer = np.roll(buffer, -2 * rows)
    return buffer[buffer != NULL]


def conv_order(length: int, num_streams: int) -> np.ndarray:
    """Return the order in which a convolutional codeword leaves the circular buffer.

    TS 36.212 clause 5.1.4.2 for any number of streams: the interleaved streams follow one another.
    So puncturing takes the last streams first and spreads over each.

    Args:
        length: trellis steps, with termination.
        num_streams: coded bits per step.

    Returns:
        Positions ``num_streams * k + i`` of the bits, each once.
    """
    streams = num_streams * np.arange(length) + np.arange(num_streams)[:, None]
    buffer = np.concatenate([sub_block(stream, CONV_COLUMNS) for stream in streams])
    return buffer[buffer != NULL]


class RateMatcher:
    """Sends ``n`` of ``size`` coded bits, in a given order and again from the start.

    Args:
        order: positions that may be sent, each once.
        size: coded bits before rate matching.
        n: coded bits sent.
        known: positions of coded bits known to be zero; they should not be in ``order``.
        known_llr: magnitude of the LLR of a known bit.
        device: where the index tables live.

    Example:
        >>> import numpy as np
        >>> matcher = RateMatcher(np.array([2, 0]), size=3, n=3)
        >>> matcher.match(torch.tensor([[0.0, 1.0, 1.0]]))
        tensor([[1., 0., 1.]])
        >>> matcher.recover(torch.tensor([[4.0, -3.0, 5.0]]))
        tensor([[-3.,  0.,  9.]])
    """

    def __init__(
        self,
        order: np.ndarray,
        *,
        size: int,
        n: int,
        known: np.ndarray | None = None,
        known_llr: float = 0.0,
        device: str | None = None,
    ) -> None:
        self.size = size
        self.index = torch.as_tensor(np.resize(order, n), dtype=torch.int64, device=device)
        self.known_llr = known_llr
        known = np.arange(0) if known is None else known
        self.known = torch.as_tensor(known, dtype=torch.int64, device=device)

    def match(self, coded: torch.Tensor) -> torch.Tensor:
        """Select the bits sent: [batch, size] to [batch, n]."""
        return coded[:, self.index]

    def recover(self, llr: torch.Tensor) -> torch.Tensor:
        """Add up repeated LLRs, 0 for a bit never sent: [batch, n] to [batch, size]."""
        out = llr.new_zeros(llr.shape[0], self.size)
        out.index_add_(1, self.index, llr)
        out[:, self.known] = -self.known_llr
        return out
