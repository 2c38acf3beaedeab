"""What happens in a clip, in words: the text that other modalities are aligned to."""

from collections.abc import Mapping
from typing import Any


def clip_caption(graph: Mapping[str, Any]) -> str:
    """Return sentences with all objects of a clip, and its jumps and sounds in order of time.

    Args:
        graph: with ``things`` and ``events``, as ``avqa_synth`` has it in ``extra["graph"]``.

    Example:
        >>> thing = {"colour": "red", "shape": "square", "direction": "left"}
        >>> events = [{"slot": 0, "thing": 0, "sound": "tone", "level": 3}, {"slot": 4, "thing": 0, "sound": ""}]
        >>> clip_caption({"things": [thing], "events": events})
        'a red square moves left. red square jumps with a tone 3. red square jumps in silence.'
    """
    things = [f"{thing['colour']} {thing['shape']}" for thing in graph["things"]]
    said = [f"a {name} moves {thing['direction']}." for name, thing in zip(things, graph["things"], strict=True)]
    for event in graph["events"]:
        name = things[event["thing"]]
        if not event["sound"]:
            said.append(f"{name} jumps in silence.")
        elif event["sound"] == "noise burst":
            said.append(f"{name} jumps with a noise burst.")
        else:
            said.append(f"{name} jumps with a {event['sound']} {event['level']}.")
    return " ".join(said)


def caption_of(sample: Any) -> str | None:
    """Return the description of a clip that a sample has, or `None`.

    That is what is made of ``extra["graph"]``, or the first reference of a sample without question, such as those
    of VALOR-32K.
    """
    graph = sample.extra.get("graph") if sample.extra else None
    if graph is not None:
        return clip_caption(graph)
    return None if "question" in sample.inputs else sample.references[0]
