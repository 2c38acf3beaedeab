"""Code families by the name they have in scenario files."""

import importlib
import inspect
import warnings
from functools import lru_cache
from typing import Any

from ..validation import check_choice
from .base import Code
from .matched import MatchedCode
from .uncoded import Uncoded

CODES = {
    "uncoded": "uncoded:Uncoded",
    "ldpc5g": "ldpc5g:LDPC5G",
    "turbo": "turbo:TurboLTE",
    "polar5g": "polar5g:Polar5G",
    "conv": "conv:Conv",
    "ldpc": "ldpc:LDPC",
}
"""Where each family's class is, as ``module:class`` in this package."""

_COMMON = {"self", "k", "n", "backend", "device"}


def code_class(name: str) -> type[Code]:
    """Return the class of a family.

    Args:
        name: one of :data:`CODES`, or ``package.module:Class`` of a user's own :class:`Code`.

    Raises:
        ValueError: for an unknown name, with the nearest one.

    Example:
        >>> code_class("turbo").__name__
        'TurboLTE'
    """
    if ":" in name:
        module, attribute = name.split(":")
        return getattr(importlib.import_module(module), attribute)
    check_choice("code", name, CODES)
    module, attribute = CODES[name].split(":")
    return getattr(importlib.import_module(f".{module}", __package__), attribute)


def code_options(name: str) -> dict[str, Any]:
    """Return the options of a family and their defaults.

    Example:
        >>> code_options("polar5g")
        {'list_size': 8}
    """
    parameters = inspect.signature(code_class(name).__init__).parameters
    return {p.name: p.default for p in parameters.values() if p.name not in _COMMON}


def check_options(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return ``options`` with lists as tuples, if the family has all of them.

    Raises:
        ValueError: naming an unknown option and the nearest one.
    """
    for option in options:
        check_choice(f"option of {name}", option, code_options(name))
    return {key: tuple(v) if isinstance(v, list) else v for key, v in options.items()}


@lru_cache(maxsize=64)
def _make(name: str, k: int, n: int, backend: str, device: str | None, options: tuple) -> Code:
    return code_class(name)(k=k, n=n, backend=backend, device=device, **dict(options))


def make_code(
    name: str,
    *,
    k: int,
    n: int,
    backend: str = "fast",
    device: str | None = None,
    **options: Any,
) -> Code:
    """Return a code for any ``1 <= k <= n``, as the family itself or matched to it.

    Codes are cached, since some take long to construct. Where even without noise the family could not
    resolve ``k`` bits from ``n``, the block goes uncoded, which a `UserWarning` says.

    Raises:
        ValueError: for an unknown family, option or backend, and for ``k > n``.
    """
    family = code_class(name)
    options = check_options(name, options)
    if k > n:
        raise ValueError(f"k: {k} information bits do not fit n = {n} coded bits; k <= n is needed")
    if n < family.min_n(k, **options):
        warnings.warn(
            f"{name}: k = {k}, n = {n} is above the top rate of the family (n >="
            f" {family.min_n(k, **options)}); the block is sent uncoded",
            stacklevel=2,
        )
        return MatchedCode(Uncoded(k=k, n=k, device=device), k=k, n=n)
    inner = family.fit(k, n, **options)
    code = _make(name, *inner, backend, device, tuple(sorted(options.items())))
    return code if inner == (k, n) else MatchedCode(code, k=k, n=n)
