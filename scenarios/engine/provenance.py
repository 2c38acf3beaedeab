"""Where results come from: versions, seed, commit, scenario, machine."""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .journal import Journal
from .plan import Plan, compared
from .unit import Unit
from .versions import TABULATION, computing_versions, versions


def commit() -> str | None:
    """Return the git commit of this source code, "+changes" if it differs; `None` outside a checkout."""
    folder = Path(__file__).resolve().parent
    try:
        _git(folder, "ls-files", "--error-unmatch", Path(__file__).name)  # not just in someone's checkout
        head = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("+changes" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def fingerprint(plan: Plan) -> str:
    """Return a hash of the scenario, and of all else that its results depend on."""
    parts = [plan.model_dump_json(), computing_versions(), TABULATION]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def session(plan: Plan, executor: str, slots: int) -> dict[str, Any]:
    """Return what one start of a run should be remembered by."""
    return {
        "versions": versions(),
        "commit": commit(),
        "machine": {
            "system": platform.platform(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
        },
        "executor": executor,
        "workers": slots,
        "scenario": json.loads(plan.model_dump_json()),
    }


def provenance(
    plan: Plan, units: Sequence[Unit], journal: Journal, started: str, seconds: float
) -> dict[str, Any]:
    """Return the content of ``provenance.json``.

    Wall times stand here and nowhere else, so that the result arrays repeat bit for bit.
    """
    sessions = journal.sessions()
    latest = sessions[-1]
    return {
        "name": plan.name,
        "seed": plan.seed,
        "threads_per_worker": plan.threads_per_worker,
        "versions": latest["versions"],
        "commit": latest["commit"],
        "machine": latest["machine"],
        "gain_db": _gains(units),
        "scenario": json.loads(plan.model_dump_json()),
        "wall_time": {
            "started": started,
            "seconds": seconds,
            "batch_seconds": {
                scheme.name: sum(unit.seconds for unit in units if unit.scheme == scheme.name)
                for scheme in compared(plan)
            },
        },
        "batches_resumed": sum(unit.num_resumed for unit in units),
        "sessions": [{k: v for k, v in s.items() if k != "scenario"} for s in sessions],
        "warnings": list(journal.warnings),
    }


def _gains(units: Sequence[Unit]) -> list[dict[str, Any]]:
    """Return the gain constant of every channel configuration that has one."""
    first = {unit.build_key: unit for unit in reversed(units)}
    records = [
        {"scheme": unit.scheme, "point": dict(unit.point.values), "gain_db": unit.ended().description.gain_db}
        for unit in reversed(first.values())
    ]
    return [record for record in records if record["gain_db"] is not None]
