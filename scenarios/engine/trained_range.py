"""The SNRs that the weights of a scheme's link were trained for, and those of a sweep that lie outside."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..schema import trained
from ..schema.schemes import TokenScheme
from ..schema.starting import chain
from ..schema.token_links import JSCC, Quantized, configuration
from ..schema.weights import SHIPPED, card_of, shipped_name
from .plan import Plan, compared

if TYPE_CHECKING:
    from ..schema import Scenario

Range = tuple[float, float]


def outside_training(scenario: Plan) -> list[str]:
    """Return a sentence for each scheme that meets an SNR outside the range that its weights were trained for.

    Args:
        scenario: whose weights are there.
    """
    names = [scheme.name for scheme in compared(scenario) if isinstance(scheme, TokenScheme)]
    outside: dict[tuple[str, Range], set[float]] = {}
    for point in scenario.points() if names else ():
        at: Any = point.scenario
        for name in names if at.snr_db is not None else ():
            found = trained_range(at, at.scheme(name))
            if found is not None and not found[0] <= at.snr_db <= found[1]:
                outside.setdefault((name, found), set()).add(at.snr_db)
    return [
        f"scheme {name!r}: snr_db {', '.join(f'{value:g}' for value in sorted(met))} dB lies outside the {low:g} to"
        f" {high:g} dB that its weights were trained for"
        for (name, (low, high)), met in outside.items()
    ]


def trained_range(scenario: "Scenario", scheme: TokenScheme) -> Range | None:
    """Return the least and largest Es/N0 (dB) that the weights of a scheme's link were trained for.

    Args:
        scenario: with the values of a sweep's point.
        scheme: one of its schemes.

    Returns:
        the range over all stages of the training that had the air in them; `None` for a link that learns nothing, and
        for weights whose card tells nothing, or is not there, which is told where they are loaded.
    """
    if scheme.source is not None:
        return None
    named = getattr(scheme.link, "weights", None)
    if named is not None:
        return _range((stage["losses"], stage["snr_db"]) for stage in _card(scheme, named).get("stages", ()))
    if not scheme.needs_link_weights or not scheme.trains:
        return None
    source = trained.source_of(scenario, scheme)
    if not source.trains:
        return trained_range(scenario, source)
    for one in chain(source, scenario.schemes):
        if one.training is not None and one.training.makes_weights:
            found = _range((stage.losses, stage.snr_db) for stage in trained.stages_of(one))
            if found is not None:
                return found
    return None


def _range(stages: Iterable[tuple[Mapping[str, float], Any]]) -> Range | None:
    """Return the range over stages, each with losses and its least and largest SNR, that had the air in them."""
    from ...models.systems.trainable import OVER_THE_AIR

    found = [snr_db for losses, snr_db in stages if any(losses.get(name) for name in OVER_THE_AIR)]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def _card(scheme: TokenScheme, named: str) -> Mapping[str, Any]:
    """Return the card of the weights that a scheme's link names; an empty one if there is none."""
    link = scheme.link
    with suppress(ValueError):
        if named != SHIPPED:
            return card_of(named)
        if isinstance(link, JSCC | Quantized):
            wanted: dict[str, Any] = {"link": configuration(link)}
            if scheme.system is not None:
                wanted["system"] = trained.system_identity(scheme.system)["configuration"]
            return card_of(shipped_name(wanted, "link"))
    return {}
