"""Tokens at the cut of a scheme's system, for all items of its task."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..schema.canonical import canonical

if TYPE_CHECKING:
    from ...linklevel.tokens import Tokens
    from ..schema import Scenario


def folder_of(scheme: str) -> Path:
    """Return where tokens of a scheme go by default; characters that file systems refuse become underscores."""
    return Path("tokens") / (re.sub(r"[^\w.+-]+", "_", scheme).strip("._") or "scheme")


def export_scheme(
    scenario: "Scenario", name: str, folder: Path, *, progress: Callable[[int, int], None] | None = None,
    batch_size: int = 32, shard_size: int = 1024,
) -> Path:  # fmt: skip
    """Encode every sample of a scheme's task once, as a run does, and keep the tokens.

    Args:
        scenario: its first point counts, where system or data are swept.
        name: of the scheme.
        folder: for ``tokens.h5`` and its shards; an interrupted export goes on there.
        progress: called with the number of samples that are encoded, and of all.
        batch_size: samples encoded at once; those of a :class:`~tokencom.models.systems.TokenSystem` are
            encoded one by one, so that tokens do not depend on it; those of a vision-language model do, by rounding.
        shard_size: samples in a shard.

    Returns:
        path of the index.

    Raises:
        ValueError: for a scheme without a system, a task without samples, weights that are not there, or a folder
            with other tokens.
    """
    from ...models.export import export_tokens

    point = scenario.points()[0].scenario
    scheme = point.scheme(name)
    if getattr(scheme, "system", None) is None:
        raise ValueError(f"scheme {name!r} has no system, so there are no tokens to export")
    task, link = point.build(name)
    data: Any = getattr(task, "data", None)
    number = getattr(task, "num_samples", None)
    if data is None or number is None:
        raise ValueError(f"task {task.name!r} has no samples; tokens are exported for tasks on data")
    encode, cut = encoder_of(link.eval())

    def batch(items: range) -> "Tokens":
        tokens = encode([data[item] for item in items])
        if progress is not None:
            progress(items.stop, number)
        return tokens

    if progress is not None:
        progress(0, number)
    index = export_tokens(
        folder, encode=batch, ids=[data[item].id for item in range(number)],
        references=[data.references_of(item)[0] for item in range(number)], model=_model(point, scheme, link), cut=cut,
        settings={"data": canonical(point.task_of(scheme))}, batch_size=batch_size, shard_size=shard_size,
    )  # fmt: skip
    if progress is not None:
        progress(number, number)
    return index


def encoder_of(link: Any) -> "tuple[Callable[[Sequence[Any]], Tokens], str]":
    """Return what turns samples into tokens at the cut, and the name of the cut."""
    from ...models.systems import SystemLink
    from ...models.vlm_link import VLMLink

    if isinstance(link, VLMLink):
        from ...models.export import tokens_at

        vlm = link.vlm

        def encode(samples: Sequence[Any]) -> "Tokens":
            questions = [sample.inputs.get("question", "") for sample in samples]
            asked = vlm.encode([sample.inputs["image"] for sample in samples], questions)
            with nullcontext() if asked.encoded is None else asked.encoded.reuse():
                return tokens_at(vlm.model, vlm.cut, asked.inputs)

        return encode, str(vlm.cut.module)
    if isinstance(link, SystemLink):
        return link.tokens, "system"
    raise ValueError(f"link: {type(link).__name__} sends no tokens; a scheme with a source sends the items themselves")


def _model(scenario: "Scenario", scheme: Any, link: Any) -> str:
    """Return the system's configuration and the hash of its parameters, as JSON."""
    from ...models.training.tensors import digest_of

    system, vlm = getattr(link, "system", None), getattr(link, "vlm", None)
    found: dict[str, Any] = {"system": canonical(scheme.system, ("path", "online"))}
    if system is not None:
        found["parameters"] = digest_of(dict(system.state_dict()))
        found["encoder"] = repr(system.encoder_id())
    if vlm is not None:
        found["parameters"] = digest_of(dict(vlm.model.state_dict()))
    return json.dumps(found, sort_keys=True)
