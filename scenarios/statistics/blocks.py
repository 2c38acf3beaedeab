r"""Intervals of a ratio of sums over independent blocks, such as a bit error rate.

Bits inside a block are correlated, so the blocks, not the bits, are the sample.
"""

import numpy as np
from scipy import stats

from .binomial import Interval, check_level


def block_interval(
    numerator: np.ndarray,
    denominator: np.ndarray,
    *,
    worst: float,
    level: float = 0.95,
    stopped_by_errors: bool = False,
) -> Interval:
    r"""Return an interval of :math:`R = \sum_i e_i / \sum_i b_i` over independent blocks.

    Each limit is a quantile of the mean of the blocks' rates and one pseudo-block, under
    Dirichlet(1, ..., 1) weights: for blocks that are all right or all wrong, exactly the
    Clopper-Pearson interval, and for rates in [0, 1] the bound of Gaffke (2005; see Phan, Thomas
    and Learned-Miller, "Towards practical mean bounds for small samples", ICML 2021). The
    distribution is the beta with the same mean and variance, as in Fay and Feuer's interval for
    weighted sums of Poisson counts (Statistics in Medicine 16, 1997). With K the effective
    number of failed blocks, :math:`(\sum r_i)^2 / \sum r_i^2`, the pseudo-block has

    * for the lower limit, the smallest rate seen (zero if all are equal);
    * for the upper limit, :math:`r_{max}^{K/(K+1)} w^{1/(K+1)}`: the largest rate seen, drawn
      towards ``worst`` while few failures tell how bad a failure can be. Without any failure it
      is ``worst``, so a point with zero errors has an upper bound.

    Coverage by simulation, in the tests: at least ``level`` where ten blocks or more fail, and
    below it only if failures far worse than any seen yet make up most of the ratio.

    Args:
        numerator: [num_blocks], bit errors of each block.
        denominator: [num_blocks], bits of each block.
        worst: the largest expected rate of a failed block; 0.5 for bit errors.
        level: coverage.
        stopped_by_errors: the blocks end with the one that reached a target number of failures;
            that block, bound to fail, then counts for the lower limit only, as in inverse binomial
            sampling.

    Example:
        >>> errors = np.array([0, 0, 7, 0, 1] * 20)
        >>> low, high = block_interval(errors, np.full(100, 1000), worst=0.5)
        >>> round(low, 5), round(high, 5)
        (0.00109, 0.00225)
    """
    check_level(level)
    numerator, denominator = check_columns(numerator, denominator)
    alpha = 1.0 - level
    low = _limit(alpha / 2, numerator, denominator, None)
    if stopped_by_errors:
        numerator, denominator = numerator[:-1], denominator[:-1]
    return low, _limit(1 - alpha / 2, numerator, denominator, worst)


def check_columns(numerator: np.ndarray, denominator: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both columns as float64 if they are of one length, finite and not negative.

    Raises:
        ValueError: otherwise.
    """
    pair = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    if pair[0].ndim != 1 or pair[0].shape != pair[1].shape:
        raise ValueError(f"numerator {pair[0].shape}, denominator {pair[1].shape}: both must be [num_blocks]")
    if not all(np.isfinite(column).all() and (column >= 0).all() for column in pair):
        raise ValueError("numerator and denominator must be finite and not negative")
    return pair


def _limit(quantile: float, numerator: np.ndarray, denominator: np.ndarray, worst: float | None) -> float:
    """Return one limit; the lower one if ``worst`` is `None`."""
    total = denominator.sum()
    if total == 0:
        return worst or 0.0
    rates = numerator[denominator > 0] / denominator[denominator > 0]
    scale = max(worst or 0.0, float(rates.max()))
    if scale == 0.0:
        return 0.0
    ratio, size = numerator.sum() / total, len(numerator)
    # influence of each block on the ratio; the block's rate itself where all are of one length
    parts = ratio + (numerator - ratio * denominator) * (size / total)
    alike = rates.min() == rates.max()
    if worst is None:
        extra = 0.0 if alike else max(float(parts.min()), 0.0)
    else:
        extra = _largest(np.clip(parts, 0.0, scale), max(worst, scale))
    mean = (parts.sum() + extra) / (size + 1)
    variance = (np.square(parts - mean).sum() + (extra - mean) ** 2) / ((size + 1) * (size + 2))
    return _beta_quantile(quantile, mean, variance, scale)


def _largest(rates: np.ndarray, worst: float) -> float:
    """Return the rate of the upper limit's pseudo-block."""
    top = float(rates.max())
    if top == 0.0:
        return worst
    effective = float(rates.sum() ** 2 / np.square(rates).sum())
    return top ** (effective / (effective + 1)) * worst ** (1 / (effective + 1))


def _beta_quantile(quantile: float, mean: float, variance: float, scale: float) -> float:
    """Return a quantile of the beta distribution on [0, scale] with this mean and variance."""
    mean, variance = mean / scale, variance / scale**2
    if not 0.0 < mean < 1.0 or variance <= 0.0:
        return float(np.clip(mean, 0.0, 1.0) * scale)
    concentration = max(mean * (1 - mean) / variance - 1, 1e-6)
    return float(scale * stats.beta.ppf(quantile, mean * concentration, (1 - mean) * concentration))
