"""Tables of a binary trellis for the kernels: branches ordered by butterfly.

A convolutional code of memory m with one input bit per step moves from state s to state h·S/2 + (s >> 1), where
S = 2^m and h is the bit shifted in. So the states 2j and 2j+1 lead to j and j + S/2 and to nothing else: a butterfly.
A kernel walks over butterflies and needs no table of states, only what each branch emits (Viterbi 1967; Proakis &
Salehi, Digital Communications, 5th ed., 8.1-8.3).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_OUTPUTS = 8  # output bits per step; a kernel tabulates the metrics of all 2^n output symbols at each step


@dataclass(frozen=True)
class TrellisTables:
    """What the branches of a trellis emit.

    Attributes:
        num_states: S.
        num_outputs: output bits per step, n.
        symbols: [S/2, 2, 2], int64: output symbol (first output bit is its highest) on the branch of butterfly j from
            state 2j+i to state j + h·S/2, at [j, i, h].
        inputs: [S], int64: information bit on the branch from state s with h = 0; the other branch carries its
            complement.
    """

    num_states: int
    num_outputs: int
    symbols: np.ndarray
    inputs: np.ndarray

    @classmethod
    def of(cls, trellis: Any) -> "TrellisTables":
        """Read a `sionna.phy.fec.conv.Trellis`.

        Raises:
            ValueError: if its branches do not form butterflies.

        Example:
            >>> from sionna.phy.fec.conv import Trellis
            >>> TrellisTables.of(Trellis(("101", "111"))).symbols[0].tolist()
            [[0, 3], [3, 0]]
        """
        to_nodes, outputs = trellis.to_nodes.cpu().numpy(), trellis.op_by_fromnode.cpu().numpy()
        states = np.arange(trellis.ns)
        symbols = np.zeros((trellis.ns, 2), dtype=np.int64)
        shifted_in, rest = np.divmod(to_nodes, max(trellis.ns // 2, 1))
        if not ((rest == states[:, None] // 2).all() and (shifted_in.sum(axis=1) == 1).all()):
            raise ValueError("trellis: its branches form no butterflies; an encoder with one shift register is needed")
        symbols[states[:, None], shifted_in] = outputs
        return cls(trellis.ns, trellis.conv_n, symbols.reshape(-1, 2, 2), shifted_in[:, 0].astype(np.int64))

    def with_input_bit(self, *, keep: int) -> np.ndarray:
        """Symbols of the ``keep`` lowest output bits with the information bit above them, in the layout of `symbols`.

        ``keep=num_outputs`` serves any code; for a systematic one the lower value leaves out the output that repeats
        the information bit.
        """
        own = self.inputs.reshape(-1, 2)
        information = np.stack([own, 1 - own], axis=-1)
        return np.ascontiguousarray((self.symbols & ((1 << keep) - 1)) | (information << keep))

    def odd_first(self) -> np.ndarray:
        """[S/2, 2], bool: whether Sionna lists the odd predecessor of state j + h·S/2 first, at [j, h].

        It lists predecessors by information bit, then by state; ties in its Viterbi decoder go to the first.
        """
        bits = self.inputs.reshape(-1, 2)
        even, odd = (np.stack([bits[:, i], 1 - bits[:, i]], axis=-1) for i in range(2))
        return (odd == 0) & (even == 1)
