"""List what there is: scenarios, and the types of every part of one."""

import argparse
from collections.abc import Iterable

KINDS = (
    "scenarios", "airs", "channels", "codes", "schemes", "links", "codecs", "quantizers", "systems", "sources",
    "tasks", "datasets", "theory", "plugins",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("kinds", nargs="*", metavar="kind", help=f"any of {', '.join(KINDS)}; all if none is named")


def execute(arguments: argparse.Namespace) -> int:
    """Print each kind's names with a line about each."""
    from ...linklevel.validation import check_choice

    kinds = [check_choice("kind", kind, KINDS) for kind in arguments.kinds] or KINDS
    for kind in kinds:
        rows = list(_rows(kind))
        width = max((len(name) for name, _ in rows), default=0)
        print(f"{kind}:")
        for name, about in rows or [("(none)", "")]:
            print(f"  {name:{width}}  {about}".rstrip())
    return 0


def _rows(kind: str) -> Iterable[tuple[str, str]]:
    from ..schema import (
        air,
        channels,
        codes,
        datasets,
        jscc,
        links,
        quantizers,
        schemes,
        shipped,
        sources,
        systems,
        tasks,
        theory,
        union,
    )

    if kind == "scenarios":
        files = shipped(need_data=True)
        return [(name, _first_comment(path.read_text(encoding="utf-8"))) for name, path in files.items()]
    if kind == "plugins":
        return [(name, point.value) for name, point in union.plugins().items()]
    unions = {
        "airs": air.Air,
        "channels": channels.Channel,
        "codes": codes.Code,
        "schemes": schemes.Scheme,
        "links": links.Link,
        "codecs": jscc.AnyCodec,
        "quantizers": quantizers.AnyQuantizer,
        "systems": systems.System,
        "sources": sources.Source,
        "tasks": tasks.Task,
        "datasets": datasets.Data,
        "theory": theory.Theory,
    }
    members = union.members_of(unions[kind])
    return [(union.types_of(m)[0], (m.__doc__ or "").strip().splitlines()[0]) for m in members]


def _first_comment(text: str) -> str:
    """Return the first line of a scenario's comment head."""
    lines = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    return lines[0] if lines else ""
