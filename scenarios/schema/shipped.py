"""The scenarios that come with the package."""

from pathlib import Path

FOLDER = Path(__file__).parents[1]
_GROUPS = ("", "ber", "image", "taichi", "text", "tokcom_mlm", "unitocom", "tokens")
_NEED_DATA = ("tokens/", "taichi/table2_benchmarks")
"""Beginnings of the names of those whose data or model cannot be shipped: the user gives a path, or installs weights.
"""


def shipped(*, need_data: bool = False) -> dict[str, Path]:
    """Return the file of each shipped scenario by its name, such as ``ber/uncoded_qam``.

    Args:
        need_data: also those that may not run before the user has given a path, or installed weights.
    """
    files = [path for group in _GROUPS for path in sorted((FOLDER / group).glob("*.yaml"))]
    named = {path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in files}
    return {name: path for name, path in named.items() if need_data or not name.startswith(_NEED_DATA)}
