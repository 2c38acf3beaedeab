"""Distances between the set of produced pictures and a set of real ones, over fixed principal components."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ..statistics.bootstrap import paired_interval
from ..statistics.metric import Columns, Estimate, SetMetric
from .perceptual import MIN_SAMPLES, frechet_distance, frechet_estimate, kid_difference, kid_estimate

NUM_COMPONENTS = 64
SIDE = 64
"""Larger pictures are resampled to this side, pixels."""

FIT_PICTURES = 2000
"""Most pictures that the components are computed of."""

STEP = 1e-3
"""Scores are kept as integer multiples of it, which a journal packs well."""

COLUMNS = tuple(f"component_{number:02d}" for number in range(NUM_COMPONENTS))


class PictureComponents:
    """Principal components of real pictures, fitted once with a fixed seed.

    Scores have one common scale: the variance of the real pictures' scores, averaged over components, is 1. So a
    Fréchet distance of 64 is that of pictures which are all the mean of the real ones.

    Args:
        pictures: real ones, [height, width, 3] each, numpy.uint8, of one shape; more than 64.
        seed: of the solver, and of which 2,000 it sees.

    Raises:
        ValueError: if they are too few.
    """

    def __init__(self, pictures: Sequence[np.ndarray], *, seed: int = 0) -> None:
        if len(pictures) <= NUM_COMPONENTS:
            raise ValueError(f"pictures: {len(pictures)} given; {NUM_COMPONENTS} components need more than as many")
        from sklearn.decomposition import PCA

        self.shape = pictures[0].shape
        chosen = np.random.default_rng(seed).permutation(len(pictures))[:FIT_PICTURES]
        solver = PCA(NUM_COMPONENTS, svd_solver="randomized", random_state=seed)
        solver.fit(np.stack([_pixels(pictures[int(number)]) for number in chosen]))
        self.mean = solver.mean_.astype(np.float32)
        self.axes = (solver.components_ / np.sqrt(solver.explained_variance_.mean())).astype(np.float32)
        self.real = self.scores(pictures)

    def scores(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Return scores [num_pictures, 64], numpy.int64, in multiples of :data:`STEP`.

        Raises:
            ValueError: for a picture of another shape, or of another type than numpy.uint8.
        """
        rows = np.empty((len(pictures), NUM_COMPONENTS), np.int64)
        for number, picture in enumerate(pictures):
            given = np.asarray(picture)
            if given.shape != self.shape or given.dtype != np.uint8:
                raise ValueError(
                    f"pictures: {given.dtype} of shape {given.shape} given; uint8 of shape {self.shape} expected"
                )
            rows[number] = np.rint(self.axes @ (_pixels(given) - self.mean) / STEP)
        return rows


@dataclass(frozen=True, kw_only=True)
class PictureSetMetric(SetMetric):
    """Fréchet or kernel distance of produced pictures from real ones, with an interval.

    Args:
        real: scores of the real ones, [num_pictures, 64], as :class:`PictureComponents` has them.
        measure: "frechet" or "kid".
        allow_few: accept a Fréchet distance of fewer than 5,000 pictures, which is mostly bias.
    """

    real: np.ndarray = field(repr=False, compare=False)
    measure: Literal["frechet", "kid"]
    allow_few: bool = False

    def terms(self, columns: Columns) -> np.ndarray:
        """Return the scores of the produced pictures, [num_items, 64], float64."""
        return STEP * np.stack([np.asarray(columns[name], np.float64) for name in COLUMNS], axis=-1)

    def estimate(self, columns: Columns, stopped_by_errors: bool = False, level: float = 0.95) -> Estimate:
        """Estimate the distance; ``count`` and ``total`` are produced pictures. See :meth:`Metric.estimate`.

        Intervals resample pictures as if they were independent.

        Raises:
            ValueError: for a Fréchet distance of too few pictures, unless ``allow_few``.
        """
        made, real = self.terms(columns), STEP * self.real
        if self.measure == "kid":
            return kid_estimate(real, made, level=level, num_subsets=20)
        return frechet_estimate(real, made, level=level, allow_few=self.allow_few)

    def difference(self, a: Columns, b: Columns, level: float = 0.95) -> tuple[float, float, float]:
        """Return the difference of two schemes; the real pictures stay as they are. See :meth:`SetMetric.difference`.

        A kernel distance has a t interval over blocks of pictures, the same for both.
        """
        real, sets = STEP * self.real, (self.terms(a), self.terms(b))
        if self.measure == "kid":
            return kid_difference(real, *sets, level=level, num_subsets=20)
        return paired_interval(lambda made: frechet_distance(real, made), *sets, a.get("cluster"), level)


def set_metrics(real: np.ndarray, num_items: int, *, allow_few: bool) -> dict[str, PictureSetMetric]:
    """Return the metrics of a task; a Fréchet distance of too few pictures is called ``frechet_few``.

    Args:
        real: scores of the real pictures.
        num_items: produced pictures of a point.
        allow_few: whether fewer than 5,000 are accepted.

    Raises:
        ValueError: for fewer, unless accepted.
    """
    least = min(len(real), num_items)
    if least < MIN_SAMPLES and not allow_few:
        raise ValueError(
            f"num_items: {num_items} produced and {len(real)} real pictures; a Fréchet distance needs"
            f" {MIN_SAMPLES} of each. Give more, or allow_few: true, and it is labelled"
        )
    names: dict[str, Literal["frechet", "kid"]] = {"frechet" if least >= MIN_SAMPLES else "frechet_few": "frechet"}
    names["kid"] = "kid"
    return {
        name: PictureSetMetric(name=name, real=real, measure=measure, allow_few=allow_few, better="low")
        for name, measure in names.items()
    }


def _pixels(picture: np.ndarray) -> np.ndarray:
    """Return a picture as numbers, no larger than 64 x 64 pixels, [num_values], numpy.float32."""
    if max(picture.shape[:2]) > SIDE:
        from PIL import Image

        size = (min(picture.shape[1], SIDE), min(picture.shape[0], SIDE))
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    return picture.astype(np.float32).reshape(-1) / np.float32(255)
