"""Measure whether every link of a scenario keeps the signal contract.

Power, gain, noise, Es/N0 and the count of channel uses. Each scheme is measured over each air
interface that the sweep gives it. A quantity passes if it is within 0.1 dB of what the scenario
says, by its 99 % interval.
"""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .scenario_arguments import add_scenario_arguments, scenario_of

if TYPE_CHECKING:
    from ...linklevel.audit import AuditReport
    from ...linklevel.links import Link
    from ..schema import Point, Scenario
    from ..tasks.base import Task

NUM_SYMBOLS = 20_000
"""Symbols behind a power: the mean energy of 64-QAM is then known to 0.05 dB."""

MOST_ITEMS = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_scenario_arguments(parser)
    parser.add_argument(
        "--draws", type=int, default=20_000, metavar="count", help="fades behind a gain (20000)"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Audit, print each table, and return 1 if a check failed."""
    scenario = scenario_of(arguments)
    from ...linklevel import Draws

    failed = []
    for scheme, point, where in subjects(scenario):
        task, link = point.scenario.build(scheme)
        snr_db = point.scenario.link_snr_db(scheme, link)
        draws = Draws(seed=scenario.seed, point=point.hash)
        payload = payload_of(task, link, snr_db, draws)
        for device, report in reports(link, payload, snr_db, draws, arguments.draws):
            name = f"{scheme}{where}{device}"
            print(f"{name}\n{report}\n", flush=True)
            if not report.ok:
                failed.append(name)
    print("every link keeps the signal contract" if not failed else f"failed: {'; '.join(failed)}")
    return 1 if failed else 0


def reports(
    link: "Link", payload: Any, snr_db: float, draws: Any, num_draws: int
) -> "Iterator[tuple[str, AuditReport]]":
    """Yield the report of a link, or of each of its devices that sends anything, with what tells the device."""
    from ...linklevel import audit_link
    from ...linklevel.multiuser import DevicesLink, MultiUserLink, audit_devices

    outer: Any = link
    inner: Any = getattr(link, "link", link)
    if isinstance(inner, DevicesLink):
        system: Any = getattr(link, "system", None)
        users, parts = inner.users, inner.split(payload if system is None else system.encode(payload))
        sends = [bool(part.mask.any()) for part in parts]
    elif isinstance(inner, MultiUserLink):
        users, parts = inner, outer.split(payload)
        sends = [True] * len(parts)
    else:
        yield "", audit_link(link, payload, snr_db, draws, num_draws)
        return
    found = audit_devices(users, parts, snr_db, draws, num_draws, only=sends)
    numbers = [number for number, one in enumerate(sends) if one]
    yield from ((f", device {number + 1}", report) for number, report in zip(numbers, found, strict=True))


def subjects(scenario: "Scenario") -> Iterator[tuple[str, "Point", str]]:
    """Yield each scheme with the first point of each air interface it meets, and what sets that apart."""
    from ..engine.plan import compared

    points = scenario.points()
    for scheme in compared(scenario):
        first: dict[str, Point] = {}
        for point in points:
            air = point.scenario.air_of(point.scenario.scheme(scheme.name))
            first.setdefault(air.model_dump_json() if air else "", point)
        for point in first.values():
            values = {
                path: value for path, value in point.values.items() if path not in {"snr_db", "ebno_db"}
            }
            where = ", ".join(f"{path} = {value}" for path, value in values.items()) if len(first) > 1 else ""
            yield scheme.name, point, f" at {where}" if where else ""


def payload_of(task: "Task", link: "Link", snr_db: float, draws: Any) -> Any:
    """Return a batch with enough symbols to measure their power by, or all that the task has."""
    import torch

    def batch(count: int) -> Any:
        return task.batch(0, count, draws)

    few = batch(min(16, task.num_items or 16))
    symbols = int(link.encode(few, torch.full((len(few),), snr_db)).num_symbols.sum())
    count = min(MOST_ITEMS, -(-NUM_SYMBOLS * len(few) // max(symbols, 1)), task.num_items or MOST_ITEMS)
    return batch(max(count, len(few)))
