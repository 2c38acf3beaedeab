"""Take tokens out of what a module emits, and put the received ones in."""

import copy
from collections.abc import Mapping
from typing import Any, NoReturn

import torch


class NotSent:
    """Stands for a value that stayed at the transmitter; any use of it is an error.

    Args:
        name: of the value.
        cut: path of the module.
    """

    def __init__(self, name: str, cut: str) -> None:
        self.__dict__["_about"] = (name, cut)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        name, cut = self.__dict__["_about"]
        raise ValueError(
            f"cut: the receiver uses {name!r} of {cut!r}, which did not cross the link; cut there with"
            f" Cut(module={cut!r}, value={name!r}), or cut at a later module"
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    __getitem__ = __len__ = __iter__ = __call__ = __add__ = __radd__ = __mul__ = __rmul__ = _refuse

    @classmethod
    def __torch_function__(cls, _: Any, __: Any, args: Any = (), kwargs: Any = None) -> NoReturn:
        """Refuse to be an argument of a tensor operation."""
        given = [*args, *(kwargs or {}).values()]
        given += [item for value in given if isinstance(value, (tuple, list)) for item in value]
        next(value for value in given if isinstance(value, cls))._refuse()


def locate(emitted: Any, value: str | None, cut: str) -> list[Any]:
    """Return the keys and indices that lead to the tokens in ``emitted``.

    Raises:
        ValueError: if there is nothing at ``value``.
    """
    if value is None:
        if isinstance(emitted, torch.Tensor):
            return []
        if isinstance(emitted, Mapping):
            key = "last_hidden_state" if emitted.get("last_hidden_state") is not None else next(iter(emitted), None)
            return [key]
        if isinstance(emitted, (tuple, list)) and emitted:
            return [0]
        raise ValueError(f"cut: {cut!r} emits {_describe(emitted)}, which has no tokens")
    keys: list[Any] = [int(part) if part.lstrip("-").isdigit() else part for part in value.split(".")]
    try:
        _follow(emitted, keys)
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"value: {value!r} is not in what {cut!r} emits, {_describe(emitted)}") from error
    return keys


def take(emitted: Any, keys: list[Any], cut: str) -> torch.Tensor:
    """Return the tokens at ``keys``.

    Raises:
        ValueError: if they are not floating-point vectors, [batch, num_tokens, dim] or, where items
            are packed, [num_tokens, dim].
    """
    tokens = _follow(emitted, keys)
    if not isinstance(tokens, torch.Tensor) or not tokens.is_floating_point() or tokens.ndim not in {2, 3}:
        raise ValueError(
            f"cut: {cut!r} emits no tokens but {_describe(tokens)}; floating-point vectors [batch, num_tokens, dim]"
            " are needed"
        )
    return tokens


def put(emitted: Any, keys: list[Any], received: torch.Tensor, cut: str) -> Any:
    """Return ``emitted`` with received tokens at ``keys``; tensors beside them are not sent."""
    return _put(emitted, keys, received, cut, "")


def _put(emitted: Any, keys: list[Any], received: torch.Tensor, cut: str, name: str) -> Any:
    if not keys:
        return received
    if isinstance(emitted, Mapping):
        result: Any = copy.copy(emitted)
        for key, item in emitted.items():
            kept = _put(item, keys[1:], received, cut, key) if key == keys[0] else _hide(item, f"{name}{key}", cut)
            if kept is not item:
                result[key] = kept
        return result
    place = keys[0] % len(emitted)
    items = [
        _put(item, keys[1:], received, cut, f"{name}.") if i == place else _hide(item, f"{name}.{i}".lstrip("."), cut)
        for i, item in enumerate(emitted)
    ]
    return type(emitted)(items) if not hasattr(emitted, "_fields") else type(emitted)(*items)


def _hide(item: Any, name: str, cut: str) -> Any:
    """Return a stand-in for what holds tensors; other values, such as a cache, are passed on."""
    holds = isinstance(item, torch.Tensor) or (
        isinstance(item, (tuple, list)) and any(isinstance(i, torch.Tensor) for i in item)
    )
    return NotSent(name, cut) if holds else item


def _follow(emitted: Any, keys: list[Any]) -> Any:
    for key in keys:
        emitted = emitted[key]
        if isinstance(emitted, NotSent):
            emitted._refuse()
    return emitted


def _describe(emitted: Any) -> str:
    if isinstance(emitted, torch.Tensor):
        return f"{emitted.dtype} {list(emitted.shape)}"
    if isinstance(emitted, Mapping):
        return f"{type(emitted).__name__} with {', '.join(map(str, emitted))}"
    return type(emitted).__name__
