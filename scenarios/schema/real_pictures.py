"""Real pictures that produced ones are compared with as a set."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .base import Config

if TYPE_CHECKING:
    from ..datasets import Dataset
    from ..metrics.picture_sets import PictureComponents


def real_pictures(config: Any, train: bool, seed: int) -> "tuple[PictureComponents, Dataset]":
    """Return the principal components of real pictures, and the pictures; made once in a process.

    Args:
        config: of a data set whose samples have an image, or a picture in ``extra``.
        train: whether to take its training part.
        seed: of the components.
    """
    kind: Any = type(config)
    return _made_once(kind, config.model_dump_json(), train, seed)


@lru_cache(maxsize=2)
def _made_once(kind: type[Config], text: str, train: bool, seed: int) -> "tuple[PictureComponents, Dataset]":
    from ..metrics.picture_sets import PictureComponents

    config: Any = kind.model_validate_json(text)
    data = config.build(split=config.train_split) if train else config.build()
    pictures = [sample.extra["picture"] if "picture" in sample.extra else sample.inputs["image"] for sample in data]
    return PictureComponents(pictures, seed=seed), data
