"""Distances between sets of images."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from ...linklevel.validation import check_choice, check_range
from ..statistics.metric import Estimate

MIN_SAMPLES = 5000
"""Below this the Fréchet distance is mostly its own bias."""


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    r"""Return the Fréchet distance between Gaussians fitted to two sets of features.

    .. math:: \lVert \mu_a - \mu_b \rVert^2 + \operatorname{tr}(C_a + C_b - 2 (C_a C_b)^{1/2})

    (Heusel et al., "GANs trained by a two time-scale update rule", NeurIPS 2017). With factors
    :math:`C = F^T F`, the trace of the root is the sum of the singular values of :math:`F_a F_b^T`, so
    nothing complex arises; F is the root of C or, where samples are fewer than dimensions, the centred
    samples themselves.

    Args:
        a: [num_samples, dim], features of one set.
        b: [num_samples, dim], of the other.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(4000, 3))
        >>> round(frechet_distance(x, x + [2.0, 0.0, 0.0]), 6)
        4.0
    """
    a, b = _features(a, b)
    factor_a, factor_b = _factor(a), _factor(b)
    shared = np.linalg.svd(factor_a @ factor_b.T, compute_uv=False).sum()
    means = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return max(float(means + np.square(factor_a).sum() + np.square(factor_b).sum() - 2.0 * shared), 0.0)


def frechet_estimate(
    a: np.ndarray,
    b: np.ndarray,
    *,
    level: float = 0.95,
    num_resamples: int = 20,
    seed: int = 0,
    allow_few: bool = False,
) -> Estimate:
    """Return the Fréchet distance with a bootstrap interval.

    Resampling adds to the distance what it adds to the spread, so the percentiles lie too high; the
    interval is the value and the normal quantile times the deviation of the resampled values.

    Args:
        a: [num_samples, dim].
        b: [num_samples, dim].
        level: coverage.
        num_resamples: bootstrap samples of both sets.
        seed: of the resampling.
        allow_few: accept sets whose distance is mostly bias.

    Raises:
        ValueError: for fewer than 5,000 samples, or no more samples than dimensions, in a set.
    """
    a, b = _features(a, b)
    if not allow_few:
        _enough(min(len(a), len(b)), a.shape[1])
    rng = np.random.Generator(np.random.PCG64(seed))
    values = [
        frechet_distance(*(x[rng.integers(0, len(x), len(x))] for x in (a, b)))
        for _ in range(check_range("num_resamples", num_resamples, 2, integer=True))
    ]
    value = frechet_distance(a, b)
    half = float(stats.norm.ppf(0.5 + level / 2) * np.std(values, ddof=1))
    return Estimate(value, max(value - half, 0.0), value + half, len(b), len(b))


def kid_estimate(
    a: np.ndarray,
    b: np.ndarray,
    *,
    level: float = 0.95,
    num_subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> Estimate:
    r"""Return the kernel distance: the squared maximum mean discrepancy, unbiased, with an interval.

    Kernel :math:`(x^T y / d + 1)^3`, mean over random subsets (Bińkowski et al., "Demystifying MMD
    GANs", ICLR 2018). The interval is a t interval over disjoint blocks of the data: overlapping
    subsets are not independent.

    Args:
        a: [num_samples, dim].
        b: [num_samples, dim].
        level: coverage.
        num_subsets: subsets that the value is the mean of.
        subset_size: samples of each set in a subset; no more than there are.
        seed: of the subsets.
    """
    value, parts = _kid(a, b, num_subsets, subset_size, seed)
    half = _half(parts, level)
    return Estimate(value, value - half, value + half, len(b), len(b))


def kid_difference(
    real: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    *,
    level: float = 0.95,
    num_subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return the difference of the kernel distances of two sets that are paired row by row, with a t interval.

    Args:
        real: [num_samples, dim], the set that both are compared with.
        a: [num_items, dim].
        b: [num_items, dim]; the same subsets and blocks of both are taken.
        level: coverage.
        num_subsets: as of :func:`kid_estimate`.
        subset_size: likewise.
        seed: of the subsets.

    Returns:
        distance of a minus that of b, low, high.
    """
    if len(a) != len(b):
        raise ValueError(f"a, b: {len(a)} and {len(b)} items given; equally many are needed, paired row by row")
    (first, parts_a), (second, parts_b) = (_kid(real, one, num_subsets, subset_size, seed) for one in (a, b))
    value, half = first - second, _half(parts_a - parts_b, level)
    return value, value - half, value + half


def image_distances(
    real: Sequence[np.ndarray],
    made: Sequence[np.ndarray],
    *,
    network: str = "efficientnet_lite0",
    path: str | Path | None = None,
    allow_few: bool = False,
    batch_size: int = 32,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Return the Fréchet and kernel distances between two sets of images.

    Only Inception features make what the literature calls FID and KID: those of EfficientNet-Lite0 are
    named ``efficientnet_lite0_frechet`` and ``efficientnet_lite0_kid`` and compare only with each other.

    Args:
        real: [height, width, 3] each, numpy.uint8.
        made: of the same kind.
        network: "efficientnet_lite0" or "inception".
        path: weights; needed for "inception", whose weights no package carries.
        allow_few: see :func:`frechet_estimate`.
        batch_size: images at once.
        seed: of the resampling.

    Raises:
        ValueError: for too few images, or weights that are not there.
    """
    check_choice("network", network, ("efficientnet_lite0", "inception"))
    dim = 2048 if network == "inception" else 1280
    if not allow_few:
        _enough(min(len(real), len(made)), dim)
    features = _inception(path) if network == "inception" else _efficientnet(path)
    a, b = (
        np.concatenate([features(images[i : i + batch_size]) for i in range(0, len(images), batch_size)])
        for images in (real, made)
    )
    names = ("fid", "kid") if network == "inception" else (f"{network}_frechet", f"{network}_kid")
    return {
        names[0]: frechet_estimate(a, b, seed=seed, allow_few=allow_few),
        names[1]: kid_estimate(a, b, seed=seed),
    }


def _enough(count: int, dim: int) -> None:
    needed = max(MIN_SAMPLES, dim + 1)
    if count < needed:
        raise ValueError(
            f"images: {count} given; a Fréchet distance of {dim} dimensions needs at least {needed}, "
            "or allow_few=True (KID is unbiased for any number)"
        )


def _efficientnet(path: str | Path | None) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    from ...models.efficientnet_lite import EfficientNetLite0

    return EfficientNetLite0(path=path).features


def _inception(path: str | Path | None) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    if path is None:
        raise ValueError("path: FID needs the file pt_inception-2015-12-05-6726825d.pth; no package carries it")
    import torch

    from .fid_inception import load_fid_inception

    network = load_fid_inception(path)

    def features(images: Sequence[np.ndarray]) -> np.ndarray:
        pixels = torch.from_numpy(np.stack(list(images))).permute(0, 3, 1, 2)
        with torch.no_grad():
            return network(pixels).numpy()

    return features


def _features(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"a, b: shapes {a.shape} and {b.shape} given; [num_samples >= 2, dim] with one dim needed")
    return a, b


def _factor(x: np.ndarray) -> np.ndarray:
    """Return F with F^T F the covariance of the rows of ``x``."""
    centred = (x - x.mean(axis=0)) / math.sqrt(len(x) - 1)
    if len(x) <= x.shape[1]:
        return centred
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T


def _kid(a: np.ndarray, b: np.ndarray, num_subsets: int, subset_size: int, seed: int) -> tuple[float, np.ndarray]:
    """Return the kernel distance, and those of disjoint blocks of the data."""
    a, b = _features(a, b)
    size = min(check_range("subset_size", subset_size, 2, integer=True), len(a), len(b))
    rng = np.random.Generator(np.random.PCG64(seed))
    value = float(
        np.mean(
            [_mmd(a[rng.permutation(len(a))[:size]], b[rng.permutation(len(b))[:size]]) for _ in range(num_subsets)]
        )
    )
    blocks = min(20, min(len(a), len(b)) // 2)
    if blocks < 2:
        return value, np.empty(0)
    rows_a, rows_b = (np.array_split(rng.permutation(len(x)), blocks) for x in (a, b))
    return value, np.array([_mmd(a[i], b[j]) for i, j in zip(rows_a, rows_b, strict=True)])


def _half(parts: np.ndarray, level: float) -> float:
    """Return half the width of the t interval of a mean of independent parts; NaN for fewer than two."""
    if len(parts) < 2:
        return math.nan
    return float(stats.t.ppf(0.5 + level / 2, len(parts) - 1) * np.std(parts, ddof=1) / math.sqrt(len(parts)))


def _mmd(a: np.ndarray, b: np.ndarray) -> float:
    """Return the unbiased squared discrepancy with the cubic kernel."""
    dim, n, m = a.shape[1], len(a), len(b)
    shifted = (x @ y.T / dim + 1.0 for x, y in ((a, a), (b, b), (a, b)))
    aa, bb, ab = (x * x * x for x in shifted)  # numpy's power is ten times slower
    within = (aa.sum() - np.trace(aa)) / (n * (n - 1)) + (bb.sum() - np.trace(bb)) / (m * (m - 1))
    return float(within - 2.0 * ab.mean())
