"""Decibels and the Gaussian tail."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri


def linear(name: str, value_db: ArrayLike) -> NDArray[np.float64]:
    """Convert decibels to a ratio of powers; minus infinity becomes 0.

    Args:
        name: the parameter's name, for the error message.
        value_db: any shape, dB.

    Returns:
        Same shape, float64.

    Raises:
        ValueError: if an element is NaN.

    Example:
        >>> linear("snr_db", [0.0, 10.0]).tolist()
        [1.0, 10.0]
    """
    value_db = np.asarray(value_db, dtype=np.float64)
    if np.isnan(value_db).any():
        count = int(np.isnan(value_db).sum())
        raise ValueError(f"{name}: {count} of {value_db.size} elements are NaN; numbers in dB are needed")
    return np.power(10.0, value_db / 10.0)


def q_function(x: ArrayLike) -> NDArray[np.float64]:
    r"""Return the Gaussian tail :math:`Q(x) = \frac{1}{\sqrt{2\pi}} \int_x^\infty e^{-t^2/2}\,dt`.

    Example:
        >>> float(q_function(0.0))
        0.5
    """
    return ndtr(-np.asarray(x, dtype=np.float64))


def q_inverse(p: ArrayLike) -> NDArray[np.float64]:
    """Return the x with Q(x) = p, for p in [0, 1] (infinite at both ends).

    Example:
        >>> round(float(q_inverse(1e-3)), 4)
        3.0902
    """
    return -ndtri(np.asarray(p, dtype=np.float64))
