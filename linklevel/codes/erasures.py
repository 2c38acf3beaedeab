"""What belief propagation can resolve without noise."""

import numpy as np
from scipy.sparse import csr_matrix


def peels(pcm: csr_matrix, known: np.ndarray, num_iter: int) -> bool:
    """Tell whether unknown bits follow from known ones, each check resolving one bit at a time.

    This is what belief propagation does on an erasure channel (T. Richardson and R. Urbanke,
    *Modern Coding Theory*, section 3.19).

    Args:
        pcm: parity-check matrix, [num_checks, n], integer.
        known: [n], bool.
        num_iter: rounds allowed.

    Example:
        >>> chain = csr_matrix(np.array([[1, 1, 0], [0, 1, 1]]))
        >>> peels(chain, np.array([True, False, False]), num_iter=2)
        True
    """
    unknown = ~known
    for _ in range(num_iter):
        if not unknown.any():
            break
        single = pcm @ unknown.astype(np.int64) == 1
        unknown = unknown & (pcm[single].sum(axis=0).A1 == 0)
    return not unknown.any()
