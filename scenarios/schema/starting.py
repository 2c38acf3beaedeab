"""Schemes whose training starts from that of another."""

from collections.abc import Iterator, Sequence
from typing import Any

from .canonical import canonical
from .rules import Broken
from .schemes import TokenScheme

NOT_TRAINED = ("weights", "access", "length", "padding", "max_num_tokens", "header_repetitions", "rate", "on_failure")
"""Fields of a link that its parameters do not depend on."""


def chain(scheme: TokenScheme, schemes: Sequence[Any]) -> list[TokenScheme]:
    """Return a scheme and those that it starts from, one after the other; a scheme at most once."""
    found = [scheme]
    while (start := started_by(found[-1], schemes)) is not None and start not in found:
        found.append(start)
    return found


def started_by(scheme: TokenScheme, schemes: Sequence[Any]) -> TokenScheme | None:
    """Return the scheme that another's training starts from."""
    name = scheme.training.start if scheme.training is not None else None
    return next((other for other in candidates(scheme, schemes) if other.name == name), None)


def candidates(scheme: Any, schemes: Sequence[Any]) -> list[TokenScheme]:
    """Return the schemes from which a training may start: those with weights, or training of their own."""
    others = (other for other in schemes if isinstance(other, TokenScheme) and other is not scheme)
    return [other for other in others if other.training is not None or other.weights()]


def same_link(scheme: TokenScheme, start: TokenScheme) -> bool:
    """Tell whether two links have the same parameters."""
    return canonical(scheme.learned_link, NOT_TRAINED) == canonical(start.learned_link, NOT_TRAINED)


def same_system(scheme: TokenScheme, start: TokenScheme) -> bool:
    """Tell whether two systems are of one kind, so that one can begin with the other's parameters."""
    kinds = [getattr(one.system, "target", getattr(one.system, "type", None)) for one in (scheme, start)]
    return kinds[0] == kinds[1]


def start_rules(prefix: str, scheme: Any, schemes: Sequence[Any]) -> Iterator[Broken]:
    """Yield a name that no scheme has, schemes that start from each other, and parts that stay untrained."""
    if not isinstance(scheme, TokenScheme) or scheme.training is None or scheme.training.start is None:
        return
    name = scheme.training.start
    start = started_by(scheme, schemes)
    if start is None:
        names = tuple(other.name for other in candidates(scheme, schemes))
        yield Broken(f"{prefix}start", name, "is not the name of another scheme with training or weights", names)
        return
    path = chain(scheme, schemes)
    if started_by(path[-1], schemes) is not None:
        told = " from ".join(repr(one.name) for one in (*path, scheme))
        yield Broken(f"{prefix}start", name, f"closes a circle: {told}; one of them must start by itself")
    elif not same_system(scheme, start):
        yield Broken(f"{prefix}start", name, "has another system; only its parameters can be copied")
    elif not scheme.training.makes_weights and scheme.needs_link_weights and not same_link(scheme, start):
        rule = "has another link, so that of this scheme would stay untrained; give data and stages"
        yield Broken(f"{prefix}start", name, rule)
