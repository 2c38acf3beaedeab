"""The content hash of what makes weights, and where they are kept."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import platformdirs

from .config import Stage

FORMAT = 1
"""Raised when the loop gives other weights for the same stages."""

RECORDED = ("tokencom", "torch", "sionna", "numpy", "accelerate", "transformers", "peft", "safetensors")


def training_key(
    *, system: Mapping[str, Any], stages: Sequence[Stage], data: Mapping[str, Any], seed: int,
    versions: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """Return the key of weights: a hash of everything they follow from, 32 hexadecimal digits.

    Versions of packages are left out unless they are given: another torch gives other last bits but
    the same training, and weights that were shipped stay valid. The card records all versions.

    Args:
        system: configuration of everything in the model and of the air interface; JSON types.
        stages: of the training.
        data: identity of the items, such as type, options and checksum; JSON types.
        seed: of the training.
        versions: packages that shall count, such as ``package_versions()``.

    Example:
        >>> stage = Stage(name="codec", trainable=("codec",), steps=10)
        >>> len(training_key(system={"dim": 4}, stages=[stage], data={"type": "sst2"}, seed=1))
        32
    """
    content = {
        "format": FORMAT, "system": system, "stages": [stage.as_dict() for stage in stages], "data": data,
        "seed": seed, "versions": dict(versions or {}),
    }  # fmt: skip
    try:
        text = json.dumps(content, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"system, data: {error}; JSON types are needed") from error
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def weights_path(key: str) -> Path:
    """Return where the weights with this key are kept, whether or not they are there.

    They are below the user's cache folder, or below ``TOKENCOM_CACHE`` if that is set.
    """
    root = os.environ.get("TOKENCOM_CACHE") or platformdirs.user_cache_dir("tokencom")
    return Path(root) / "weights" / key / "weights.safetensors"


@cache
def package_versions() -> dict[str, str]:
    """Return the versions of the packages that training uses; missing ones are left out."""
    found = {}
    for package in RECORDED:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
