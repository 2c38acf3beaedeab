"""CLEVR's words: attributes, their values and colours, synonyms, directions.

Source: J. Johnson et al., "CLEVR: A Diagnostic Dataset for Compositional Language and Elementary
Visual Reasoning", CVPR 2017, section 3.
"""

from collections.abc import Mapping

ATTRIBUTES = ("size", "color", "material", "shape")
"""In the order in which they stand before a noun and in a program."""

COLORS: Mapping[str, tuple[int, int, int]] = {
    "gray": (87, 87, 87),
    "red": (173, 35, 35),
    "blue": (42, 75, 215),
    "green": (29, 105, 20),
    "brown": (129, 74, 25),
    "purple": (129, 38, 192),
    "cyan": (41, 208, 208),
    "yellow": (255, 238, 51),
}
"""sRGB values of 0...255."""

SIZES: Mapping[str, float] = {"large": 0.7, "small": 0.35}
"""Radius in scene units."""

SHAPES = ("cube", "sphere", "cylinder")
MATERIALS = ("rubber", "metal")

VALUES: Mapping[str, tuple[str, ...]] = {
    "size": tuple(SIZES),
    "color": tuple(COLORS),
    "material": MATERIALS,
    "shape": SHAPES,
}

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "large": ("large", "big"),
    "small": ("small", "tiny"),
    "rubber": ("rubber", "matte"),
    "metal": ("metal", "metallic", "shiny"),
    "cube": ("cube", "block"),
    "sphere": ("sphere", "ball"),
    "cylinder": ("cylinder",),
    "thing": ("thing", "object"),
}
"""How a value may be said; a value that is missing here is said as it is."""

DIRECTIONS = ("left", "right", "front", "behind")

DIRECTION_PHRASES: Mapping[str, tuple[str, ...]] = {
    "left": ("left of", "to the left of", "on the left side of"),
    "right": ("right of", "to the right of", "on the right side of"),
    "front": ("in front of",),
    "behind": ("behind",),
}
