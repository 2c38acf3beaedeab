"""Channel codes; each carries payloads of any length by segmentation and rate matching."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from .base import Config
from .number import Integer, Real
from .python_target import PythonTarget
from .rules import Broken
from .union import tagged, types_of

CheckNode = Literal["boxplus-phi", "boxplus", "minsum", "offset-minsum"]


class _Family(Config):
    """A family of ``tokencom.linklevel.codes``; options that are absent take the family's defaults."""

    def arguments(self) -> dict[str, Any]:
        """Return what a link's constructor takes: the family's name and the options given."""
        options = {name: value for name, value in self.parameters().items() if value is not None}
        return {"code": self.type, "code_options": options}  # type: ignore[attr-defined]


def code_arguments(code: "_Family | PythonTarget") -> dict[str, Any]:
    """Return what a link's constructor takes for a code.

    Raises:
        ValueError: for a Python class that is not there.
    """
    if not isinstance(code, PythonTarget):
        return code.arguments()
    code.load()
    return {"code": code.import_path, "code_options": dict(code.options)}


class Uncoded(_Family):
    """No code: rate 1."""

    type: Literal["uncoded"] = "uncoded"


class LDPC5G(_Family):
    """LDPC code of 5G NR (TS 38.212, 5.3.2)."""

    type: Literal["ldpc5g"] = "ldpc5g"
    num_iter: Integer | None = Field(
        default=None, ge=1, le=1000, description="Decoder iterations at most (count)."
    )
    cn_update: CheckNode | None = Field(default=None, description="Check node rule.")
    scale: Real | None = Field(
        default=None, gt=0, le=1, description="Factor on check node messages of minsum (ratio)."
    )
    cn_schedule: Literal["flooding", "layered"] | None = Field(
        default=None, description="Order of the updates."
    )


class Turbo(_Family):
    """Turbo code of LTE (TS 36.212, 5.1.3.2)."""

    type: Literal["turbo"] = "turbo"
    num_iter: Integer | None = Field(default=None, ge=1, le=100, description="Decoder iterations (count).")
    algorithm: Literal["log", "maxlog", "map"] | None = Field(
        default=None, description="Constituent decoder."
    )


class Polar5G(_Family):
    """Polar code of 5G NR (TS 38.212, 5.3.1) with CRC-aided list decoding."""

    type: Literal["polar5g"] = "polar5g"
    list_size: Integer | None = Field(
        default=None, description="Paths of the list decoder, a power of two (count)."
    )

    def rules(self) -> Iterator[Broken]:
        """Yield a list size that the decoder does not have."""
        allowed = (1, 2, 4, 8, 16, 32)
        if self.list_size not in {None, *allowed}:
            yield Broken("list_size", self.list_size, "is not a size of the list decoder", allowed)


class Conv(_Family):
    """Terminated convolutional code with Viterbi decoding."""

    type: Literal["conv"] = "conv"
    generators: tuple[Integer, ...] | None = Field(
        default=None,
        min_length=2,
        max_length=8,
        description="Generator polynomials (octal digits), such as [133, 171].",
    )

    def rules(self) -> Iterator[Broken]:
        """Yield generators that are not octal or too long."""
        if self.generators is None:
            return
        octal = all(g > 0 and set(str(g)) <= set("01234567") for g in self.generators)
        if not octal or not 3 <= max(int(str(g), 8) for g in self.generators).bit_length() <= 9:
            rule = "are not octal numbers of constraint length 3 to 9, such as [133, 171]"
            yield Broken("generators", list(self.generators), rule)


class LDPC(_Family):
    """Regular LDPC code by Gallager's construction, as pyldpc makes it; needs the extra ``reference``."""

    type: Literal["ldpc"] = "ldpc"
    d_v: Integer | None = Field(
        default=None, ge=2, le=20, description="Checks of a bit (count); 3 if absent."
    )
    d_c: Integer | None = Field(
        default=None, ge=3, le=40, description="Bits of a check (count); 6 if absent."
    )
    seed: Integer | None = Field(default=None, ge=0, description="Seed of the construction.")
    num_iter: Integer | None = Field(
        default=None, ge=1, le=1000, description="Decoder iterations at most (count)."
    )
    cn_update: CheckNode | None = Field(default=None, description="Check node rule.")
    scale: Real | None = Field(
        default=None, gt=0, le=1, description="Factor on check node messages of minsum (ratio)."
    )

    def rules(self) -> Iterator[Broken]:
        """Yield degrees that give no code."""
        if (self.d_c or 6) <= (self.d_v or 3):
            yield Broken("d_c", self.d_c, f"must be more than d_v = {self.d_v or 3}")


AnyCode = tagged(Uncoded | LDPC5G | Turbo | Polar5G | Conv | LDPC | PythonTarget)


def _name_as_type(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


class _NameOrMapping:
    """Lets editors accept the bare name too."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        names = [name for name in types_of(AnyCode) if name != "python"]
        return {"anyOf": [{"enum": names, "type": "string"}, handler(schema)]}


def _or_name(union: Any) -> Any:
    return Annotated[union, BeforeValidator(_name_as_type), _NameOrMapping]


Code = _or_name(AnyCode)
"""Any channel code; a Python class is a :class:`~tokencom.linklevel.codes.Code`.

``ldpc5g`` alone is short for ``{type: ldpc5g}``.
"""
