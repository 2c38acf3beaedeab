"""report.html: curves, numbers, accounting, scenario and provenance in one file."""

import base64
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.files import replace_file
from .curves import png
from .labels import (
    REFERENCES,
    axis_label,
    is_curve,
    metric_label,
    point_label,
    reference_meaning,
    value_label,
)
from .numbers import accounting, endings, metric_tables
from .panels import layout
from .published import published_lines
from .theory import theory_lines

if TYPE_CHECKING:
    from ..engine.results import Results


def write_report(results: "Results", path: str | Path, provenance: Mapping[str, Any] | None = None) -> Path:
    """Write a self-contained HTML report: no script, and nothing loaded from elsewhere.

    Args:
        results: of the run.
        path: HTML file to write; its folder exists.
        provenance: versions, seed, commit, gains, as in ``provenance.json``; read from the file of
            this name beside ``path`` if `None` and there is one.

    Returns:
        the path.

    Raises:
        ValueError: if no metric has a value to draw.
    """
    path = Path(path)
    if provenance is None:
        beside = path.parent / "provenance.json"
        provenance = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    text = render(results, provenance)
    with replace_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def render(results: "Results", provenance: Mapping[str, Any]) -> str:
    """Return the report's HTML; the same arguments give the same text."""
    import jinja2
    import yaml

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    scenario = json.loads(results.scenario)
    image = png(results)
    return template.render(
        name=results.name,
        description=scenario.get("description", ""),
        image=base64.b64encode(image).decode("ascii"),
        image_width=_width(image) // 2,
        alt=_alternative(results),
        caption=_caption(results),
        lines=list(_lines(results, scenario)),
        level=f"{100 * results.level:g}",
        tables=list(metric_tables(results)),
        accounting=accounting(results),
        ends=endings(results),
        schemes=results.schemes,
        scenario=yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True, width=100),
        provenance=list(_provenance(results, scenario, provenance)),
    )


def _width(image: bytes) -> int:
    return int.from_bytes(image[16:20], "big")  # first field of a PNG's IHDR chunk


def _alternative(results: "Results") -> str:
    plan = layout(results)
    metrics = list(dict.fromkeys(metric_label(panel.metric.name) for panel in plan.panels))
    against = f" against {axis_label(plan.along, results.axes, math=False)}" if plan.along else ""
    shown = f"{', '.join(metrics)}{against} for {', '.join(results.schemes)}"
    return f"{shown}. All values are in the tables below."


def _caption(results: "Results") -> str:
    return (
        f"Bars are {100 * results.level:g} % intervals. An arrow down is the upper bound of a point without "
        "errors; a point that was not simulated is not drawn."
    )


def _lines(results: "Results", scenario: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield what each kind of line and mark means in this report."""
    axes = results.axes
    if "snr_db" in axes:
        yield "Es/N0", [
            "transmitted energy per resource element over the noise density at one receive antenna, "
            "averaged over fading"
        ]
    if "ebno_db" in axes:
        yield "Eb/N0", [
            "transmitted energy per information bit, pilots and cyclic prefix included, over the noise "
            "density at one receive antenna"
        ]
    yield ", ".join(results.schemes), ["simulated: solid lines with marks"]
    names = [info.name for info in results.metrics if any(results.has(s, info.name) for s in results.schemes)]
    for prefix in REFERENCES:
        if any(name.startswith(prefix) and is_curve(name.removeprefix(prefix)) for name in names):
            yield f"{prefix.rstrip('_')}, in the colour of its scheme", [reference_meaning(prefix, names)]
    yield from _theory(scenario, {name for name in names if is_curve(name)})
    for line in published_lines(scenario):
        yield f"{line.name}: level, dashed", [f"{float(line.y[0]):g}, {line.meaning}"]


def _theory(scenario: Mapping[str, Any], drawn: set[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the theory lines, those of one kind together with what each is computed for."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for line, given in zip(theory_lines(scenario), scenario.get("theory", ()), strict=True):
        params = ", ".join(f"{key} = {value_label(value)}" for key, value in given.get("params", {}).items())
        place = "" if line.metric in drawn else " (not drawn: no scheme reports its metric)"
        kinds.setdefault(line.meaning, []).append((line.name, f"{line.name}{place}: {params or 'defaults'}"))
    for meaning, members in kinds.items():
        names = ", ".join(name for name, _ in members)
        yield f"{names}: dashed", [meaning, *(text for _, text in members)]


def _provenance(
    results: "Results", scenario: Mapping[str, Any], record: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    yield "Seed", str(scenario.get("seed", record.get("seed", "not recorded")))
    yield "Fingerprint of scenario and versions", results.fingerprint or "not recorded"
    for gain in record.get("gain_db", ()):
        where = f" at {point_label(gain['point'])}" if gain["point"] else ""
        yield "Gain constant", f"{gain['scheme']}{where}: {gain['gain_db']:.3f} dB"
    for key, value in record.items():
        if key == "sessions":
            yield "Started or resumed", "; ".join(str(session.get("started")) for session in value)
        elif key not in {"seed", "scenario", "name", "gain_db"}:
            yield key.replace("_", " ").capitalize(), _flat(value) or "none"


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "; ".join(_flat(item) for item in value)
    return str(value)
