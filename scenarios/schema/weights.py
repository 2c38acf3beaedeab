"""Trained weights that a scenario names, and the configuration that they belong to."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from .rules import Broken

if TYPE_CHECKING:
    from torch import nn

SHIPPED = "shipped"
SUFFIX = ".safetensors"

Weights = Field(
    default=None,
    min_length=1,
    max_length=4096,
    description="Trained parameters: shipped (found by configuration), a shipped file's name, or a .safetensors file.",
)


def weights_rules(weights: str | None, field: str = "weights") -> Iterator[Broken]:
    """Yield what is wrong with the name of weights; files of the user's own are looked for when they are read."""
    if weights is None or weights == SHIPPED or weights.endswith(SUFFIX) or weights in cards():
        return
    rule = f"is neither 'shipped', nor the name of shipped weights, nor a file that ends in {SUFFIX}"
    yield Broken(field, weights, rule, (SHIPPED, *cards()))


def folder() -> Path:
    """Return where the shipped weights are."""
    return Path(str(files("tokencom.models"))) / "weights"


@cache
def cards() -> Mapping[str, Mapping[str, Any]]:
    """Return the card of each shipped file by its name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder().glob("*.json"))}


def card_of(weights: str) -> Mapping[str, Any]:
    """Return the card of shipped weights, or the one beside a file.

    Raises:
        ValueError: if there is none.
    """
    if not weights.endswith(SUFFIX):
        return cards()[weights]
    path = Path(weights).expanduser()
    try:
        return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        missing = "" if path.is_file() else ", which does not exist,"
        raise ValueError(f"weights: {weights!r}{missing} needs its card beside it ({error})") from error


def fingerprint(weights: str) -> str:
    """Return a hash that changes with what is in a file, or in any shipped one where it is found by configuration.

    Of a file that is named it is that of the numbers, however they are written.
    """
    if weights == SHIPPED:
        found = hashlib.blake2b(digest_size=16)
        for path in sorted(folder().glob("*" + SUFFIX)):
            found.update(path.name.encode() + b"\0" + path.read_bytes())
        return found.hexdigest()
    path = Path(weights).expanduser() if weights.endswith(SUFFIX) else folder() / (weights + SUFFIX)
    return numbers_digest(path) if path.is_file() else ""


def numbers_digest(path: Path) -> str:
    """Return the hash of what is loaded from a file, 32 hexadecimal digits; a file that changes is hashed again."""
    from ...models.systems.layers import files_of

    try:
        states = [one.stat() for one in files_of(path)]
        return _numbers_digest(path, tuple((state.st_mtime_ns, state.st_size) for state in states))
    except ValueError:  # it is told of where it is loaded
        return file_digest(path)


@cache
def _numbers_digest(path: Path, changed: tuple[tuple[int, int], ...]) -> str:
    from ...models.systems.layers import read_layers
    from ...models.training.tensors import digest_of, read_note

    tensors, initial = read_layers(path)
    about = [digest_of(tensors), sorted(initial), read_note(path, needed=False).get("lora")]
    return hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16).hexdigest()


def file_digest(path: Path) -> str:
    """Return the hash of a file, 32 hexadecimal digits; a file that changes is hashed again."""
    status = path.stat()
    return _file_digest(path, status.st_mtime_ns, status.st_size)


@cache
def _file_digest(path: Path, changed: int, size: int) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def load(
    module: "nn.Module",
    weights: str,
    part: str,
    configuration: Mapping[str, Any],
    beside: Mapping[str, Any] | None = None,
) -> None:
    """Put weights into a module.

    Args:
        module: of the configuration.
        weights: as a scenario names them.
        part: of the file, "link" or "system".
        configuration: of the module, JSON types; the weights' card must have the same.
        beside: configuration of the system that shipped weights of a link must have been trained with.

    Raises:
        ValueError: for weights of another configuration, or none at all.
    """
    from ...models.systems.shipped import load_shipped

    wanted = {part: configuration} if beside is None else {"system": beside, part: configuration}
    name = shipped_name(wanted, part) if weights == SHIPPED else weights
    try:
        card = card_of(name)
        apart = list(_differences(_plain(configuration), full(card.get("system", {}).get(part)), part))
        if apart:
            raise ValueError(f"weights: {name!r} holds weights of another configuration: {'; '.join(apart)}")
        load_shipped(module, name, part)
    except ValueError as error:
        raise ValueError(f"{part}.{error}") from error


def full(configuration: Any) -> Any:
    """Return a configuration as this package would write it: defaults of codecs and quantisers filled in."""
    from pydantic import TypeAdapter, ValidationError

    from .jscc import AnyCodec
    from .quantizers import AnyQuantizer

    found = _plain(configuration)
    for name, union in (("codec", AnyCodec), ("quantizer", AnyQuantizer)):
        if isinstance(found, dict) and name in found:
            with suppress(ValidationError):
                part: Any = TypeAdapter(union).validate_python(found[name])
                found[name] = _plain(part.identity() if hasattr(part, "identity") else part.model_dump())
    return found


def _plain(value: Any) -> Any:
    """Return a copy in JSON types."""
    return json.loads(json.dumps(value))


def shipped_name(configurations: Mapping[str, Any], part: str) -> str:
    """Return the name of the shipped file whose card has these configurations.

    Args:
        configurations: by part, JSON types.
        part: that the file must hold, "link" or "system".

    Raises:
        ValueError: if there is none, or more than one.
    """
    wanted = _plain(configurations)
    held = {name: card["system"] for name, card in cards().items() if part in card.get("system", {})}
    apart = {
        name: [line for key in wanted for line in _differences(wanted[key], full(parts.get(key)), key)]
        for name, parts in held.items()
    }
    same = [name for name, lines in apart.items() if not lines]
    if len(same) == 1:
        return same[0]
    if same:
        raise ValueError(f"{part}.weights: several shipped files fit; name one of them: {', '.join(same)}")
    if not apart:
        raise ValueError(f"{part}.weights: 'shipped' given, but no weights of a {part} are shipped")
    near = min(apart, key=lambda name: len(apart[name]))
    raise ValueError(
        f"{part}.weights: no shipped weights are of this configuration; nearest is {near!r}, where"
        f" {'; '.join(apart[near])}. Give that configuration, a file of your own, or null"
    )


def _differences(wanted: Any, held: Any, path: str) -> Iterator[str]:
    """Yield each field in which two configurations differ."""
    if isinstance(wanted, dict) and isinstance(held, dict):
        for name in sorted({*wanted, *held}):
            yield from _differences(wanted.get(name), held.get(name), f"{path}.{name}")
    elif wanted != held:
        yield f"{path} is {json.dumps(held)}, not {json.dumps(wanted)}"
