"""A caption that lists every object of a scene graph."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

NUMBERS = ("no", "a", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def scene_caption(scene: Mapping[str, Any]) -> str:
    """Return a sentence with all objects from left to right, those that are alike together.

    Args:
        scene: with ``objects`` as in CLEVR's scene files.

    Example:
        >>> ball = {"size": "large", "color": "red", "material": "metal", "shape": "sphere"}
        >>> scene_caption({"objects": [{**ball, "pixel_coords": [9, 5, 8.0]}, {**ball, "pixel_coords": [1, 5, 8.0]}]})
        'A picture of two large red metal spheres.'
    """
    ordered = sorted(scene["objects"], key=lambda item: item["pixel_coords"][0])
    alike = Counter(tuple(item[name] for name in ("size", "color", "material", "shape")) for item in ordered)
    phrases = [f"{_number(count)} {' '.join(values)}{'s' * (count > 1)}" for values, count in alike.items()]
    listed = phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"
    return f"A picture of {listed}."


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
