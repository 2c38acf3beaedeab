"""The JSON Schema by which editors complete and check scenario files."""

from typing import Any


def json_schema() -> dict[str, Any]:
    """Return the schema of a scenario file (JSON Schema 2020-12).

    Fields that a sweep supplies need not stand in the file, and the schema cannot know which: it
    reports them as missing where ``tokencom run`` does not.

    Example:
        >>> json_schema()["properties"]["snr_db"]["description"]
        'Es/N0 at one receive antenna, averaged over fading (dB).'
    """
    from .scenario import Scenario

    schema = Scenario.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "TokenCom scenario"}
