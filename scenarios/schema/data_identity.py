"""What tells the samples of a data set from others: options, and a checksum where they are read from files."""

import hashlib
import json
from functools import cache
from typing import Any

from .canonical import canonical
from .generated import DataConfig
from .python_target import PythonTarget

PLACES = ("path", "media", "root", "check_media")
"""Fields that say where data are, or how they are read."""


def data_identity(config: DataConfig | PythonTarget) -> dict[str, Any]:
    """Return the options of a data set without paths; with ``sha256`` of its annotations if it has a path.

    The checksum is of ids, clusters' order, references and families of all samples, whatever folder and format
    they come from; images, audio and video are not read.

    Raises:
        ValueError: if the files cannot be read.
    """
    found = canonical(config, PLACES)
    if getattr(config, "path", None) is not None:
        found["sha256"] = _checksum(type(config), config.model_dump_json())
    return found


@cache
def _checksum(kind: type[DataConfig], text: str) -> str:
    data = kind.model_validate_json(text).build()
    found = hashlib.sha256()
    for number in range(len(data)):
        found.update(json.dumps(data.references_of(number)).encode() + b"\n")
    return found.hexdigest()
