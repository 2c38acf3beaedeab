"""The scenarios that come with the package."""

from pathlib import Path

FOLDER = Path(__file__).parents[1]
_GROUPS = ("", "ber", "image", "taichi", "text", "tokcom_mlm", "unitocom")
_NEED_DATA = ("tokens",)
"""Groups whose data or model cannot be shipped: the user gives a path, or installs weights."""


def shipped(*, need_data: bool = False) -> dict[str, Path]:
    """Return the file of each shipped scenario by its name, such as ``ber/uncoded_qam``.

    Args:
        need_data: also those that may not run before the user has given a path, or installed weights.
    """
    groups = _GROUPS + (_NEED_DATA if need_data else ())
    files = [path for group in groups for path in sorted((FOLDER / group).glob("*.yaml"))]
    return {path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in files}
