"""The card of trained weights: what made them, how long it took, where it ended."""

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from .checkpoint import Moment
from .config import Stage
from .key import package_versions
from .tensors import save_text

JSON, MARKDOWN = "model_card.json", "model_card.md"
NO_LICENCE = "Not stated. Weights derived from others, and from data, carry the terms of both."


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
