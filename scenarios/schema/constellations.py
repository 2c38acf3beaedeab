"""Sizes that constellations have."""

CONSTELLATION_BITS = {"qam": (2, 4, 6, 8), "psk": tuple(range(1, 7)), "pam": tuple(range(1, 7))}
"""Bits per symbol that each constellation type has."""
