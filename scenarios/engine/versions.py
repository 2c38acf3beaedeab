"""Versions of the packages that a result depends on."""

import platform
from collections.abc import Sequence
from functools import cache
from importlib import metadata

COMPUTING = ("tokencom", "sionna", "torch", "numpy", "scipy", "numba")
"""Packages whose version can change a result."""

RECORDED = (
    *COMPUTING, "h5py", "pydantic", "pillow", "pillow-heif", "torchmetrics", "sacrebleu", "scikit-image"
)


TABULATION = 2
"""Changes when finished batches are put together in another way, so that results are made anew from them."""


def versions(packages: Sequence[str] = RECORDED) -> dict[str, str]:
    """Return the installed versions of Python and of ``packages``; missing ones are left out."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def computing_versions() -> dict[str, str]:
    """Return the versions of the packages that can change a result."""
    return versions(COMPUTING)
