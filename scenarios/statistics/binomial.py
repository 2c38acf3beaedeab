"""Intervals of a proportion, for a fixed number of trials and for a fixed number of errors."""

import numpy as np
from scipy import stats

Interval = tuple[float, float]


def check_level(level: float) -> float:
    """Return ``level`` if it lies strictly between 0 and 1.

    Raises:
        ValueError: naming the value given.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: {level!r} is no coverage; it lies strictly between 0 and 1, such as 0.95")
    return level


def check_counts(count: int, total: int) -> None:
    """Raise a ValueError unless 0 <= ``count`` <= ``total``."""
    if not 0 <= count <= total:
        raise ValueError(f"count: {count!r} events of {total!r} trials; 0 <= count <= total is needed")


def clopper_pearson(count: int, total: int, level: float = 0.95) -> Interval:
    """Return the exact interval of a proportion (Clopper and Pearson, Biometrika 26, 1934).

    Its coverage is never below ``level``. Without trials it is (0, 1).

    Args:
        count: events.
        total: trials.
        level: coverage.

    Example:
        >>> low, high = clopper_pearson(0, 100)
        >>> round(low, 4), round(high, 4)
        (0.0, 0.0362)
    """
    return _binomial("exact", count, total, level)


def wilson(count: int, total: int, level: float = 0.95) -> Interval:
    """Return Wilson's score interval (J. Am. Stat. Assoc. 22, 1927): coverage near ``level`` on average.

    Example:
        >>> low, high = wilson(5, 100)
        >>> round(low, 4), round(high, 4)
        (0.0215, 0.1118)
    """
    return _binomial("wilson", count, total, level)


def _binomial(method: str, count: int, total: int, level: float) -> Interval:
    check_level(level)
    check_counts(count, total)
    if total == 0:
        return 0.0, 1.0
    interval = stats.binomtest(int(count), int(total)).proportion_ci(level, method=method)
    return float(interval.low), float(interval.high)


def inverse_binomial(count: int, total: int, level: float = 0.95) -> tuple[float, float, float]:
    r"""Estimate a proportion from trials that went on until the ``count``-th event.

    .. math:: \hat p = \frac{k - 1}{n - 1}

    is unbiased (Haldane, Biometrika 33, 1945), where k/n is not. The interval inverts the
    negative binomial distribution, so its coverage is never below ``level``:

    .. math::
        p_L = B^{-1}(\tfrac{\alpha}{2}; k, n - k + 1), \qquad
        p_U = B^{-1}(1 - \tfrac{\alpha}{2}; k, n - k)

    with the quantile function of the beta distribution.

    Args:
        count: events k, at least 2; the last trial was one.
        total: trials n.
        level: coverage.

    Returns:
        (estimate, low, high).

    Example:
        >>> estimate, low, high = inverse_binomial(100, 10_001)
        >>> estimate
        0.0099
    """
    check_level(level)
    check_counts(count, total)
    if count < 2:
        raise ValueError(f"count: {count!r} events; at least 2 are needed for (k - 1)/(n - 1)")
    alpha = 1.0 - level
    low = stats.beta.ppf(alpha / 2, count, total - count + 1)
    high = 1.0 if count == total else stats.beta.ppf(1 - alpha / 2, count, total - count)
    return (count - 1) / (total - 1), float(low), float(np.minimum(high, 1.0))
