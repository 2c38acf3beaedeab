import numpy as np
import pytest

from tokencom.scenarios.datasets.photo_tiles import PhotoTiles
from tokencom.scenarios.tasks.photos import PHOTOGRAPHS, photograph_paths, read_image


def test_tiles_make_up_the_photographs():
    tiles = PhotoTiles(size=16, resolution=48)
    assert len(tiles) == 9 * len(PHOTOGRAPHS)
    assert len({sample.id for sample in tiles}) == len(tiles)
    whole = read_image(photograph_paths()[2], size=48)
    own = [sample.inputs["image"] for sample in tiles if sample.cluster == 2]
    rows = [np.concatenate(own[start : start + 3], axis=1) for start in (0, 3, 6)]
    np.testing.assert_array_equal(np.concatenate(rows), whole)


def test_sizes_that_leave_a_rest():
    with pytest.raises(ValueError, match="multiple of size = 32"):
        PhotoTiles(size=32, resolution=100)
