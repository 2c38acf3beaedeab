"""Thread counts of the libraries that compute: they decide the order of additions, so the bits."""

import os

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ThreadLimit:
    """Gives torch, BLAS and numba the same number of threads, in the calling thread.

    Args:
        count: threads of each library.

    Raises:
        ValueError: if numba cannot have as many on this machine.
    """

    def __init__(self, count: int) -> None:
        import numba.core.config
        import scipy.linalg  # noqa: F401  (brings scipy's own BLAS under the limit)
        import torch
        from threadpoolctl import threadpool_limits

        most = getattr(numba.core.config, "NUMBA_NUM_THREADS")  # noqa: B009  (set at import)
        if not 1 <= count <= most:
            raise ValueError(
                f"threads_per_worker: {count} threads asked for, this machine offers 1 to {most}"
                " (NUMBA_NUM_THREADS sets the most)"
            )
        self.count = count
        self._before = torch.get_num_threads(), numba.get_num_threads()
        self._blas: list[threadpool_limits] = []
        self.apply()

    def apply(self) -> None:
        """Set the counts again, for libraries that were loaded meanwhile."""
        import numba
        import torch
        from threadpoolctl import threadpool_limits

        torch.set_num_threads(self.count)
        numba.set_num_threads(self.count)
        self._blas.append(threadpool_limits(limits=self.count))

    def restore(self) -> None:
        """Put back what was set before."""
        import numba
        import torch

        while self._blas:
            self._blas.pop().restore_original_limits()
        torch.set_num_threads(self._before[0])  # after OpenMP's limit, which torch shares
        numba.set_num_threads(self._before[1])


def set_environment(count: int) -> None:
    """Limit also the libraries that this process loads later."""
    for name in VARIABLES:
        os.environ[name] = str(count)
