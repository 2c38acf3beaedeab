"""Number fields: what YAML wrote as text is read as a number, a boolean never is."""

import math
import numbers
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, StrictBool
from pydantic_core import PydanticCustomError

LARGEST_INTEGER = 2**63 - 1
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


def parse_number(value: Any) -> Any:
    """Return ``value`` as a number if it is one or spells one; anything else comes back as it is.

    YAML 1.1 readers give ``30e3`` as text, since its float needs a dot and a signed exponent.

    Example:
        >>> parse_number("30e3"), parse_number("12"), parse_number(True), parse_number("A")
        (30000.0, 12, True, 'A')
    """
    if not isinstance(value, str) or len(value) > 40 or not _NUMBER.fullmatch(value.strip()):
        return value
    text = value.strip()
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _real(value: Any) -> float:
    number = parse_number(value)
    if isinstance(number, bool) or not isinstance(number, numbers.Real):
        raise PydanticCustomError("not_a_number", "is not a number")
    if isinstance(number, numbers.Integral) and abs(int(number)) > LARGEST_INTEGER:
        raise PydanticCustomError("too_large", "is too large; 64 bits must hold it")
    if not math.isfinite(number):
        raise PydanticCustomError("not_finite", "is not finite")
    return float(number)


def _integer(value: Any) -> int:
    number = parse_number(value)
    if isinstance(number, numbers.Integral) and not isinstance(number, bool):
        if abs(int(number)) > LARGEST_INTEGER:
            raise PydanticCustomError("too_large", "is too large; 64 bits must hold it")
        return int(number)
    real = _real(number)
    if real != math.floor(real) or abs(real) > LARGEST_INTEGER:
        raise PydanticCustomError("not_an_integer", "is not an integer")
    return int(real)


Real = Annotated[float, BeforeValidator(_real)]
"""A finite number; ``"30e3"`` counts, `True` does not."""

Integer = Annotated[int, BeforeValidator(_integer)]
"""A whole number; ``1e3`` counts, `True` does not."""

Flag = StrictBool
"""`True` or `False`, nothing that merely looks like them."""
