"""Small tiles of the photographs that installed packages carry."""

from collections.abc import Iterator

import numpy as np

from ...linklevel.validation import check_range
from ..tasks.photos import PHOTOGRAPHS, photograph_paths, read_image
from .base import ListDataset, Sample


class PhotoTiles(ListDataset):
    """Square tiles of scikit-learn's and scikit-image's photographs; nothing is downloaded.

    Each photograph is cut to its central square, resampled to ``resolution`` and divided. Tiles come in
    turn from all photographs, top left first; a sample's cluster is its photograph, its reference that one's name.

    Args:
        size: side of a tile, pixels.
        resolution: side of a whole photograph, a multiple of ``size``, pixels.

    Raises:
        ValueError: for a side that no whole tiles fill, or if a photograph is missing.

    Example:
        >>> tiles = PhotoTiles(size=32, resolution=64)
        >>> len(tiles), tiles[0].id, tiles[1].cluster, tiles[0].inputs["image"].shape
        (32, 'china-0', 1, (32, 32, 3))
    """

    def __init__(self, *, size: int = 32, resolution: int = 256) -> None:
        check_range("size", size, 11, 4096, integer=True)
        check_range("resolution", resolution, size, 4096, integer=True)
        if resolution % size:
            raise ValueError(f"resolution: {resolution} given; it must be a multiple of size = {size}")
        super().__init__(name="photo_tiles", samples=list(_tiles(size, resolution)), split="test")


def _tiles(size: int, resolution: int) -> Iterator[Sample]:
    count = resolution // size
    whole = [read_image(path, size=resolution) for path in photograph_paths()]
    cut = [photo.reshape(count, size, count, size, 3).swapaxes(1, 2).reshape(-1, size, size, 3) for photo in whole]
    for number in range(count * count):
        for cluster, name in enumerate(PHOTOGRAPHS):
            image = np.ascontiguousarray(cut[cluster][number])
            yield Sample(id=f"{name}-{number}", cluster=cluster, inputs={"image": image}, references=(name,))
