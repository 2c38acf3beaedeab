"""One look for all figures: colours that colour-blind readers tell apart, marks, and sizes."""

from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette (Color Universal Design, 2008) without yellow, which is lost on white."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
GREYS = ("#222222", "#6b6b6b", "#9a9a9a")
DASHES: tuple[tuple[float, ...], ...] = ((5, 2), (2, 1.4), (8, 2, 1.6, 2), (8, 2, 1.6, 2, 1.6, 2))
REFERENCE_DASHES: dict[str, tuple[float, ...]] = {
    "clean_": (9, 2.2, 1.4, 2.2), "blind_": (1.2, 1.8), "prior_": (4, 1.6, 1.2, 1.6, 1.2, 1.6)
}
WIDTH = 10.0
"""Inches of a full-width figure; at 1000 pixels its 10 pt text is 14 pixels high."""

NARROW = 7.2
DPI = 200

RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "axes.labelsize": 10.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 7.0,
    "axes.linewidth": 0.8,
    "axes.edgecolor": "#444444",
    "axes.labelcolor": "#111111",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#dcdcdc",
    "grid.linewidth": 0.7,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.labelcolor": "#222222",
    "ytick.labelcolor": "#222222",
    "xtick.direction": "out",
    "ytick.direction": "out",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "legend.handlelength": 2.6,
    "legend.labelspacing": 0.55,
    "lines.linewidth": 1.7,
    "lines.markersize": 5.5,
    "lines.dash_capstyle": "butt",
    "lines.solid_capstyle": "round",
    "mathtext.fontset": "dejavusans",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "tokencom",
    "text.usetex": False,
    "path.simplify": False,
}


def scheme_style(index: int) -> dict[str, Any]:
    """Return colour and marker of the scheme at a position; the first 63 differ.

    Example:
        >>> scheme_style(0) == scheme_style(7)
        False
    """
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[(index + index // (len(COLOURS) * len(MARKERS))) % len(MARKERS)],
    }


def theory_style(index: int, colour: str | None) -> dict[str, Any]:
    """Return the dashed style of a theory line: the colour of its scheme, or a grey of its own."""
    if colour is not None:
        return {"color": colour, "dashes": DASHES[0], "linewidth": 1.2, "alpha": 0.9}
    grey = GREYS[index % len(GREYS)]
    return {"color": grey, "dashes": DASHES[index % len(DASHES)], "linewidth": 1.3}
