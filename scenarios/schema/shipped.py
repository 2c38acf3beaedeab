"""The scenarios that come with the package."""

from pathlib import Path

FOLDER = Path(__file__).parents[1]
_GROUPS = ("", "ber", "image", "text")


def shipped() -> dict[str, Path]:
    """Return the file of each shipped scenario by its name, such as ``ber/uncoded_qam``."""
    files = [path for group in _GROUPS for path in sorted((FOLDER / group).glob("*.yaml"))]
    return {path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in files}
