"""The Tanner graph of a parity-check matrix, as the kernels read it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True)
class TannerGraph:
    """Edges of a parity-check matrix, sorted by check node.

    Attributes:
        num_vns: number of variable nodes (columns).
        starts: [num_cns + 1], uint32. The edges of check node c are ``starts[c]`` … ``starts[c+1] - 1``.
        columns: [num_edges], uint32. Variable node of each edge.

    Example:
        >>> graph = TannerGraph.from_pcm(sp.csr_matrix([[1, 1, 0], [0, 1, 1]]))
        >>> graph.columns.tolist(), graph.max_degree
        ([0, 1, 1, 2], 2)
    """

    num_vns: int
    starts: np.ndarray
    columns: np.ndarray

    @classmethod
    def from_pcm(cls, pcm: sp.spmatrix | sp.sparray) -> "TannerGraph":
        """Return the graph of a sparse binary matrix [num_cns, num_vns]; explicit zeros are no edges."""
        rows = sp.csr_matrix(pcm, copy=True)
        rows.sum_duplicates()
        rows.eliminate_zeros()
        rows.sort_indices()
        return cls(rows.shape[1], rows.indptr.astype(np.uint32), rows.indices.astype(np.uint32))

    @property
    def num_cns(self) -> int:
        """Number of check nodes."""
        return self.starts.size - 1

    @property
    def num_edges(self) -> int:
        """Number of edges."""
        return self.columns.size

    @cached_property
    def max_degree(self) -> int:
        """Largest number of edges of a check node, at least 1."""
        return max(1, int(np.diff(self.starts.astype(np.int64)).max(initial=1)))
