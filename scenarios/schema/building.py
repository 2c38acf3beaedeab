"""From the parts of a scheme to a task and the link around it."""

from typing import TYPE_CHECKING, Any

from .digital import Digital
from .schemes import DigitalScheme, TokenScheme
from .sources import Clip
from .systems import HFVLM, around, classical, of_devices, system_of
from .tasks import Bits

if TYPE_CHECKING:
    from ...linklevel.air.base import AirInterface
    from ...linklevel.links import Link
    from ..tasks.base import Task as TaskObject
    from .schemes import Scheme
    from .tasks import Task

MEDIA = {"pictures": "image", "sentences": "text"}
"""What tasks about samples have the receiver rebuild."""


def build_link(scheme: "Scheme", task: "Task", sends: "TaskObject", air: "AirInterface", device: str) -> "Link":
    """Construct the link of a scheme.

    Args:
        scheme: the scheme.
        task: configuration of its task.
        sends: the task itself.
        air: what it transmits over.
        device: where a system is.
    """
    if isinstance(scheme, TokenScheme) and scheme.system is not None:
        return _with_system(scheme, sends, air, device)
    medium = MEDIA.get(task.type)
    parts: dict[str, Any] = {}
    if scheme.source is not None:
        parts["source"] = scheme.source.build(**_shape(sends, medium))
    elif isinstance(scheme, TokenScheme):
        parts |= _shape(sends, medium)
    if isinstance(scheme.link, Digital) and isinstance(task, Bits):
        parts["num_bits"] = task.num_bits
    link = scheme.link.build(air=air, **parts)
    if medium is None or (isinstance(scheme, DigitalScheme) and scheme.source is None):
        return link
    from ..tasks.medium_link import MediumLink

    return MediumLink(link, medium)


def _with_system(scheme: TokenScheme, sends: "TaskObject", air: "AirInterface", device: str) -> "Link":
    """Return the link of a scheme whose system answers."""
    if isinstance(scheme.system, HFVLM) and scheme.source is None:
        return scheme.system.link(lambda dim: scheme.link.build(air=air, dim=dim), device=device)
    config: Any = scheme.system
    system = system_of(config, device, **_rate(sends, config))
    if scheme.source is None:
        return around(system, lambda **context: scheme.link.build(air=air, **context))
    if isinstance(scheme.source, Clip):
        return of_devices(system, scheme, scheme.source.build(**_clip(sends)), air)
    medium = getattr(system, "modality", None)
    source = scheme.source.build(**_shape(sends, medium), **_rate(sends, scheme.source))
    if scheme.spends_as_needed:
        return classical(system, scheme.link.build(air=air), source, scheme.on_failure)
    return classical(system, scheme.link.build(air=air, source=source), None, scheme.on_failure)


def _rate(sends: Any, config: Any) -> dict[str, int]:
    """Return the ``sampling_rate`` of a task's audio, for what works on audio."""
    rate = getattr(getattr(sends, "data", None), "sampling_rate", None)
    return {"sampling_rate": rate} if rate is not None and getattr(config, "payload", None) == "audio" else {}


def _shape(sends: Any, medium: str | None) -> dict[str, tuple[int, int, int]]:
    """Return the ``shape`` of a task's images, that of the first where they are a data set's."""
    if hasattr(sends, "shape"):
        return {"shape": sends.shape}
    if medium == "image":
        return {"shape": sends.data[0].inputs["image"].shape}
    return {}


def _clip(sends: Any) -> dict[str, Any]:
    """Return ``shape`` and ``sampling_rate`` of a task's clips, those of the first.

    Raises:
        ValueError: for a task about something else.
    """
    inputs = sends.data[0].inputs
    if not {"video", "audio", "question"} <= set(inputs):
        raise ValueError(f"source: 'clip' needs samples with video, audio and question; these have {sorted(inputs)}")
    return {"shape": inputs["video"].shape, "sampling_rate": sends.data.sampling_rate}
