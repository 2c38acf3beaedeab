"""The card of trained weights: what made them, how long it took, where it ended."""

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from torch import nn

from .checkpoint import Moment
from .config import Stage
from .key import package_versions
from .log import read_log
from .tensors import save_text

JSON, MARKDOWN = "model_card.json", "model_card.md"
NO_LICENCE = "Not stated. Weights derived from others, and from data, carry the terms of both."
NUM_CURVE_POINTS = 100


def write_card(
    folder: Path, *, moment: Moment, model: nn.Module, stages: Sequence[Stage], system: Mapping[str, Any],
    data: Mapping[str, Any], seed: int, command: str, licence: str, device: str, num_processes: int,
) -> dict[str, Any]:  # fmt: skip
    """Write ``model_card.json`` and ``model_card.md``; return what they say."""
    trained = set(moment.trained)
    parameters = dict(model.named_parameters())
    card: dict[str, Any] = {
        "key": moment.key,
        "command": command,
        "seed": seed,
        "steps": {stage.name: stage.steps for stage in stages},
        "seconds": round(moment.seconds, 1),
        "final": moment.final,
        "curve": curve(read_log(folder)),
        "parameters": {
            "total": sum(p.numel() for p in parameters.values()),
            "trained": sum(p.numel() for name, p in parameters.items() if name in trained),
        },
        "licence": licence or NO_LICENCE,
        "data": dict(data),
        "system": dict(system),
        "stages": [stage.as_dict() for stage in stages],
        "versions": {"python": platform.python_version(), **package_versions()},
        "machine": {"processor": platform.machine(), "device": device, "processes": num_processes},
    }
    save_text(folder / JSON, json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    save_text(folder / MARKDOWN, _markdown(card))
    return card


def curve(lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """Return the loss of each stage against its steps, in at most 100 means of equally many logged lines.

    Args:
        lines: of :func:`~.log.read_log`.

    Returns:
        by stage: ``step``, the last one of each mean, and ``loss``.

    Example:
        >>> curve([{"stage": "a", "step": 10, "loss": 2.0}, {"stage": "a", "step": 20, "loss": 1.0}])
        {'a': {'step': [10, 20], 'loss': [2.0, 1.0]}}
    """
    found: dict[str, dict[str, list[float]]] = {}
    for stage in dict.fromkeys(line["stage"] for line in lines):
        own = [line for line in lines if line["stage"] == stage and "loss" in line]
        size = max(1, -(-len(own) // NUM_CURVE_POINTS))
        parts = [own[start : start + size] for start in range(0, len(own), size)]
        means = [float(f"{fmean(line['loss'] for line in part):.5g}") for part in parts]
        found[stage] = {"step": [part[-1]["step"] for part in parts], "loss": means}
    return found


def _markdown(card: Mapping[str, Any]) -> str:
    final = "\n".join(
        f"| {stage} | {card['steps'][stage]} | {', '.join(f'{name} {value:.4g}' for name, value in values.items())} |"
        for stage, values in card["final"].items()
    )
    counts = card["parameters"]
    versions = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    details = {name: card[name] for name in ("system", "data", "stages", "machine")}
    return f"""# Weights {card["key"]}

Made by

    {card["command"] or "a call of tokencom.models.training.train"}

with seed {card["seed"]} in {card["seconds"]} s.

{counts["trained"]} of {counts["total"]} parameters were trained; the file holds these and the buffers.

| stage | steps | last logged means |
|---|---|---|
{final}

Licence: {card["licence"]}

Versions: {versions}

```json
{json.dumps(details, indent=2, ensure_ascii=False)}
```
"""
