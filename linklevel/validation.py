"""Checks of user input: every message names the parameter, the value given and the rule."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def nearest(value: object, choices: Iterable[object]) -> str | None:
    """Return the choice spelled most like ``value``, or `None` if nothing comes close.

    Example:
        >>> nearest("rayliegh", ["awgn", "rayleigh", "rician"])
        'rayleigh'
    """
    names = {str(c).lower(): str(c) for c in choices}
    found = difflib.get_close_matches(str(value).lower(), names, n=1, cutoff=0.5)
    return names[found[0]] if found else None


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> Any:
    """Return ``value`` if it is one of ``choices``.

    Raises:
        ValueError: names the parameter, the value, what is allowed and the nearest choice.
    """
    choices = list(choices)
    if value in choices:
        return value
    close = nearest(value, choices)
    hint = f"; did you mean {close!r}?" if close else ""
    raise ValueError(f"{name}: {value!r} is not known; allowed: {', '.join(map(repr, choices))}{hint}")


def check_range(
    name: str,
    value: float,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    integer: bool = False,
) -> Any:
    """Return ``value`` if it is a finite number in the closed range [low, high].

    Raises:
        TypeError: if ``value`` is not a number (or not an integer where one is needed).
        ValueError: if it is outside the range or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}: {value!r} is not a number")
    if not math.isfinite(value):
        raise ValueError(f"{name}: {value!r} is not finite")
    if integer and value != int(value):
        raise TypeError(f"{name}: {value!r} is not an integer")
    if not low <= value <= high:
        raise ValueError(f"{name}: {value!r} is outside the allowed range [{low}, {high}]")
    return int(value) if integer else value


def check_finite(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return ``tensor`` if all its elements are finite.

    Raises:
        ValueError: with the count of NaN and infinite elements.
    """
    import torch  # here, so that checks of numbers and names cost no import of torch

    # One pass. The sum of finite values may overflow, so the other answer is no proof.
    if bool(torch.isfinite(tensor.detach().sum())):
        return tensor
    finite = torch.isfinite(tensor)
    if not bool(finite.all()):
        bad = int((~finite).sum())
        raise ValueError(
            f"{name}: {bad} of {tensor.numel()} elements are NaN or infinite; all must be finite"
        )
    return tensor


def check_shape(name: str, tensor: torch.Tensor, shape: tuple[int | str, ...]) -> torch.Tensor:
    """Return ``tensor`` if its shape matches ``shape``, in which a name stands for any size.

    Raises:
        ValueError: naming the shape given and the shape expected.

    Example:
        >>> import torch
        >>> check_shape("llr", torch.zeros(2, 3), ("batch", 3)).shape
        torch.Size([2, 3])
    """
    fits = tensor.ndim == len(shape) and all(
        isinstance(want, str) or have == want
        for have, want in zip(tensor.shape, shape, strict=False)
    )
    if not fits:
        want = "[" + ", ".join(map(str, shape)) + "]"
        raise ValueError(f"{name}: shape {list(tensor.shape)} given, {want} expected")
    return tensor
