"""Whose encoder, decoder, mapper and demapper blocks a link runs on.

Every block has the constructor and call of Sionna's block of that name, so that a backend is nothing
but a table of classes. To add one, add its table here.
"""

import importlib
from collections.abc import Callable
from typing import Any

from ..validation import check_choice

_SIONNA = {
    "LDPC5GEncoder": "sionna.phy.fec.ldpc:LDPC5GEncoder",
    "LDPC5GDecoder": ".sionna_blocks:LDPC5GDecoder",
    "LDPCBPDecoder": ".sionna_blocks:LDPCBPDecoder",
    "TurboEncoder": "sionna.phy.fec.turbo:TurboEncoder",
    "TurboDecoder": "sionna.phy.fec.turbo:TurboDecoder",
    "ConvEncoder": "sionna.phy.fec.conv:ConvEncoder",
    "ViterbiDecoder": "sionna.phy.fec.conv:ViterbiDecoder",
    "Polar5GEncoder": "sionna.phy.fec.polar:Polar5GEncoder",
    "Polar5GDecoder": "sionna.phy.fec.polar:Polar5GDecoder",
    "Mapper": "sionna.phy.mapping:Mapper",
    "Demapper": "sionna.phy.mapping:Demapper",
}

_FAST = {
    "LDPC5GEncoder": "..fec:LDPC5GEncoder",
    "LDPC5GDecoder": "..fec:LDPC5GDecoder",
    "LDPCBPDecoder": "..fec:LDPCBPDecoder",
    "TurboDecoder": "..fec:TurboDecoder",
    "ViterbiDecoder": "..fec:ViterbiDecoder",
    "Polar5GDecoder": "..fec:Polar5GDecoder",
    "Mapper": "..fec:QAMMapper",
    "Demapper": "..fec:QAMDemapper",
}

_COMMPY = {
    "TurboDecoder": ".commpy_blocks:TurboDecoder",
    "ViterbiDecoder": ".commpy_blocks:ViterbiDecoder",
}

_PYLDPC = {"LDPCBPDecoder": ".pyldpc_blocks:LDPCBPDecoder"}

BACKENDS: dict[str, dict[str, str]] = {
    "fast": _FAST, "sionna": _SIONNA, "commpy": _COMMPY, "pyldpc": _PYLDPC
}  # fmt: skip
"""Blocks of each backend; ``fast``, the default, hands CUDA tensors to Sionna's decoders."""


def backends_with(name: str | None) -> list[str]:
    """Return the backends that have a block; all, if ``name`` is `None`.

    Example:
        >>> backends_with("ViterbiDecoder")
        ['fast', 'sionna', 'commpy']
    """
    return [backend for backend, table in BACKENDS.items() if name is None or name in table]


def check_backend(backend: str, decoder: str | None, family: str) -> str:
    """Return ``backend`` if it can run a family with that decoder block.

    Raises:
        ValueError: for an unknown backend, or one without this family.
    """
    check_choice("backend", backend, BACKENDS)
    allowed = backends_with(decoder)
    if backend not in allowed:
        raise ValueError(f"backend: {backend!r} has no decoder for {family!r}; allowed: {allowed}")
    return backend


def block(backend: str, name: str) -> Callable[..., Any]:
    """Return a backend's class for the block ``name``.

    A backend without an encoder of its own uses Sionna's.

    Raises:
        ValueError: for an unknown backend.
    """
    check_choice("backend", backend, BACKENDS)
    module, attribute = BACKENDS[backend].get(name, _SIONNA[name]).split(":")
    return getattr(importlib.import_module(module, __package__), attribute)


def ldpc_options(backend: str, cn_update: str | None, scale: float | None, cn_schedule: str | None) -> dict[str, Any]:
    """Return the options of an LDPC decoder, with the backend's own where `None` is given.

    ``fast`` takes layered offset min-sum (offset 0.5), the others Sionna's defaults. Min-sum with its messages scaled
    by 0.75, which is taken where a scale is given, loses more than 0.1 dB to the exact rule for long 5G codes of rate
    1/2 and below; the offset loses nothing there (``tests/benchmarks/bench_ldpc.py``).

    Example:
        >>> ldpc_options("fast", None, None, None)
        {'cn_update': 'offset-minsum', 'scale': 1.0, 'cn_schedule': 'layered'}
        >>> ldpc_options("fast", "minsum", None, None)
        {'cn_update': 'minsum', 'scale': 0.75, 'cn_schedule': 'layered'}
        >>> ldpc_options("sionna", None, None, None)
        {'cn_update': 'boxplus-phi', 'scale': 1.0, 'cn_schedule': 'flooding'}
    """
    fast = backend == "fast"
    if cn_update is None:
        cn_update = "boxplus-phi" if not fast else "offset-minsum" if scale is None else "minsum"
    if scale is None:
        scale = 0.75 if fast and cn_update == "minsum" else 1.0
    return {
        "cn_update": cn_update,
        "scale": scale,
        "cn_schedule": cn_schedule or ("layered" if fast else "flooding"),
    }


def optional(module: str, package: str, extra: str = "reference") -> Any:
    """Import a module of an optional package.

    Raises:
        ValueError: saying what to install, if it is missing.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ValueError(
            f"{package} is not installed ({error}); install it with `pip install tokencom[{extra}]`"
            " (pyldpc builds from source: `pip install --no-build-isolation pyldpc`)"
        ) from error
