"""Photographs that installed packages carry, and folders of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from ...linklevel.validation import check_choice, check_range


@dataclass(frozen=True)
class Photograph:
    """A photograph inside an installed package.

    Args:
        package: the Python package that carries it.
        file: its file there.
        licence: as the package states it.
        source: who took it, or where it comes from.
    """

    package: str
    file: str
    licence: str
    source: str


SKLEARN, SKIMAGE = "sklearn.datasets.images", "skimage.data"

PHOTOGRAPHS = {
    "china": Photograph(SKLEARN, "china.jpg", "CC BY 2.0", "flickr.com/photos/danielbuechele/6061409035"),
    "flower": Photograph(SKLEARN, "flower.jpg", "CC BY 2.0", "flickr.com/photos/vultilion/6056698931"),
    "astronaut": Photograph(SKIMAGE, "astronaut.png", "public domain", "NASA, Eileen Collins"),
    "chelsea": Photograph(SKIMAGE, "chelsea.png", "CC0", "Stefan van der Walt"),
    "coffee": Photograph(SKIMAGE, "coffee.png", "CC0", "Rachel Michetti"),
    "hubble": Photograph(SKIMAGE, "hubble_deep_field.jpg", "public domain", "NASA, Hubble Extreme Deep Field"),
    "retina": Photograph(SKIMAGE, "retina.jpg", "CC0", "Mikael Häggström"),
    "rocket": Photograph(SKIMAGE, "rocket.jpg", "public domain", "SpaceX"),
}
"""The built-in photographs; all are in the packages' wheels, so nothing is downloaded."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def photograph_paths(names: Sequence[str] = tuple(PHOTOGRAPHS)) -> list[Path]:
    """Return the files of built-in photographs.

    Raises:
        ValueError: for an unknown name, or if the installed package lacks the file.
    """
    paths = []
    for name in names:
        photograph = PHOTOGRAPHS[check_choice("data", name, PHOTOGRAPHS)]
        path = Path(str(files(photograph.package) / photograph.file))
        if not path.is_file():
            raise ValueError(f"data: photograph {name!r} is missing from the installed package {photograph.package}")
        paths.append(path)
    return paths


def folder_paths(folder: str | Path) -> list[Path]:
    """Return the image files of a folder, sorted by name.

    Raises:
        ValueError: if there is no such folder, or no file in it has the suffix of an image.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise ValueError(f"data: {str(folder)!r} is no folder; give a folder of images, or 'photographs'")
    paths = sorted(path for path in root.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"data: no file in {str(folder)!r} ends in any of {', '.join(SUFFIXES)}")
    return paths


def read_image(path: str | Path, *, size: int, grayscale: bool = False) -> np.ndarray:
    """Read an image, cut its central square and resample it (Lanczos).

    Args:
        path: a file of any format that Pillow reads.
        size: side of the square, pixels.
        grayscale: convert to luma (ITU-R BT.601).

    Returns:
        [size, size, 1 or 3], numpy.uint8.

    Raises:
        ValueError: naming the file, if it is no image or damaged.
    """
    from PIL import Image, ImageOps

    check_range("size", size, 8, 4096, integer=True)
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened).convert("L" if grayscale else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"data: {str(path)!r} is no readable image ({error})") from error
    square = ImageOps.fit(image, (size, size), method=Image.Resampling.LANCZOS)
    return np.asarray(square, dtype=np.uint8).reshape(size, size, -1)
